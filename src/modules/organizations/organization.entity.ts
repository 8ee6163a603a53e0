import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty } from '@nestjs/swagger';
import { IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { Column, CreateDateColumn, DeleteDateColumn, Entity, Index, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { HostName, OneLine, Phone, Trim, WebUrl } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { declareErasure } from '#database/erasure';
import { declareUntold } from '#database/untold';
import { PlanLimits, PlanUsage } from './plan.dto';

export enum OrganizationStatus {
  active = 'active',
  inactive = 'inactive',
  suspended = 'suspended',
}

export enum PlanType {
  free = 'free',
  starter = 'starter',
  growth = 'growth',
  professional = 'professional',
  enterprise = 'enterprise',
}

/** A tenant: the company whose inbox it is. */
@Entity('organizations')
@ObjectType()
@Index('organizations_slug_key', ['slug'], { unique: true, where: 'deleted_at IS NULL' })
@Index('organizations_domain_key', ['domain'], { unique: true, where: 'deleted_at IS NULL' })
@Index('organizations_newest_idx', ['created_at', 'id'], { where: 'deleted_at IS NULL' })
export class Organization {
  @PrimaryColumn('uuid')
  @Field(() => ID)
  id: string;

  @Column('varchar', { length: 255 })
  @OneLine()
  @IsString()
  @Length(1, 255)
  name: string;

  /** Short name for addresses; lower case, digits and dashes. */
  @Column('varchar', { length: 100 })
  @IsString()
  @Length(1, 100)
  @Matches(/^[a-z0-9-]+$/)
  slug: string;

  /** Host name of its own, lower case. */
  @Column('varchar', { length: 255, nullable: true })
  @IsOptional()
  @HostName()
  @MaxLength(255)
  domain: string | null;

  @Column('varchar', { length: 2000, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  website: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  logo_url: string | null;

  /** E.164. */
  @Column('varchar', { length: 20, nullable: true })
  @IsOptional()
  @Phone()
  phone: string | null;

  @Column('varchar', { length: 20, default: OrganizationStatus.active })
  @Field(() => String)
  status: OrganizationStatus;

  /** Read-only mirror of `status == active`. */
  is_active: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  suspended_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  suspension_reason: string | null;

  @Column('varchar', { length: 20, default: PlanType.free })
  @Field(() => String)
  plan_type: PlanType;

  /** Read-only mirror of plan_type. */
  @Field(() => String)
  plan: PlanType;

  /** The plan's limits, or the trial's while it lasts, with this organization's own changes. */
  plan_limits: PlanLimits;

  /** Counted now. */
  plan_usage: PlanUsage;

  /** Overrides of the plan's limits, set by a super admin. */
  @Column('jsonb', { default: {} })
  @HideField()
  @ApiHideProperty()
  plan_limit_overrides: JsonObject;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  subscription_starts_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  subscription_ends_at: Date | null;

  @Column('boolean', { default: false })
  is_trial: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  trial_ends_at: Date | null;

  /** The end its administrators were told of before it came: of another one they are told again. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  trial_reminded_for: Date | null;

  /** Deleted: until when it can be restored, then it is erased; null: it lives. */
  restorable_until: Date | null;

  /** Business hours, time zone, language and the like; what is absent has its default. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  settings: JsonObject;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  @UpdateDateColumn({ type: 'timestamptz', precision: 3 })
  updated_at: Date;

  @DeleteDateColumn({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  deleted_at: Date | null;
}

declareErasure('organizations', { keep: 'its own row goes last' });

// The AI room's keys stand among the settings.
declareUntold('organizations', {
  instead: {
    settings: `CASE WHEN jsonb_typeof(settings->'ai_assistant') = 'object' THEN jsonb_set(settings, '{ai_assistant}',
      (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(settings->'ai_assistant') WHERE key NOT LIKE '%\\_api\\_key')) ELSE settings END`,
  },
});
