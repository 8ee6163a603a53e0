import { Field, ID, ObjectType } from '@nestjs/graphql';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Role } from '#common/actor';
import { FutureInstant, OneLine } from '#common/fields';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { declareResource } from '#modules/organizations/plan-resources';

/** The roles a key may have. */
const KEY_ROLES = [Role.org_admin, Role.agent, Role.viewer] as const;

/** How a program asks in an organization's name. Its values live in `api_key_secrets`. */
@Entity('api_keys')
@ObjectType()
@Index('api_keys_list_idx', ['organization_id', 'created_at', 'id'], { where: 'deleted_at IS NULL' })
export class ApiKey extends SoftDeletedEntity {
  /** What it is for. */
  @Column('varchar', { length: 255 })
  @OneLine()
  @IsString()
  @Length(1, 255)
  name: string;

  /** What it may at most, never above its maker's: where their role is lowered, the key does no more than they may. */
  @Column('varchar', { length: 20 })
  @IsIn(KEY_ROLES)
  @Field(() => String)
  role: Role;

  /** Permissions (`action:resource`, or a wildcard) that narrow the role; null: all of it. */
  @Column('text', { array: true, nullable: true })
  @Field(() => [String], { nullable: true })
  scopes: string[] | null;

  /** How its value begins, so that a key that turns up somewhere is known for this one. */
  @Column('varchar', { length: 20 })
  prefix: string;

  /** It is dead from then on; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @IsOptional()
  @FutureInstant()
  expires_at: Date | null;

  /** To the minute; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_used_at: Date | null;

  @Column('varchar', { length: 64, nullable: true })
  last_used_ip: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  rotated_at: Date | null;

  /** Until when the value of before the last rotation works; null: it was never rotated, or ended at once. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  previous_until: Date | null;

  /** Who made it; it is dead while they are switched off, and for good once they are gone. */
  // No reference: a super admin, of another organization, makes keys too.
  @Column('uuid')
  @Field(() => ID)
  created_by: string;
}

declareResource('api_keys', {
  text: 'API keys.',
  limits: { free: 5, starter: 10, growth: 25, professional: 50, enterprise: 500 },
  usage: 'SELECT count(*)::int FROM api_keys WHERE organization_id = $1 AND deleted_at IS NULL',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    api_keys: true;
  }
}
