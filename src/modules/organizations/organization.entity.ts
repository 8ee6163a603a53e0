import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty } from '@nestjs/swagger';
import { Column, CreateDateColumn, DeleteDateColumn, Entity, Index, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { Json, type JsonObject } from '#common/json.scalar';

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
export class Organization {
  @PrimaryColumn('uuid')
  @Field(() => ID)
  id: string;

  @Column('varchar', { length: 255 })
  name: string;

  /** Short name for addresses; lower case, digits and dashes. */
  @Column('varchar', { length: 100 })
  slug: string;

  @Column('varchar', { length: 255, nullable: true })
  domain: string | null;

  @Column('varchar', { length: 2000, nullable: true })
  description: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  website: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  logo_url: string | null;

  /** E.164. */
  @Column('varchar', { length: 20, nullable: true })
  phone: string | null;

  @Column('varchar', { length: 20, default: OrganizationStatus.active })
  @Field(() => String)
  status: OrganizationStatus;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  suspended_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  suspension_reason: string | null;

  @Column('varchar', { length: 20, default: PlanType.free })
  @Field(() => String)
  plan_type: PlanType;

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
