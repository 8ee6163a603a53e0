import { Field, HideField, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { Role } from '#common/actor';
import { Json, type JsonObject } from '#common/json.scalar';
import { SoftDeletedEntity } from '#database/tenant.entity';

export enum AgentStatus {
  available = 'available',
  busy = 'busy',
  away = 'away',
  offline = 'offline',
}

/** A member of an organization's team. Passwords and token versions live in `credentials`. */
@Entity('users')
@ObjectType()
@Index('users_email_key', ['email'], { unique: true, where: 'deleted_at IS NULL' })
@Index('users_organization_idx', ['organization_id', 'created_at'])
export class User extends SoftDeletedEntity {
  /** Trimmed, lower case; unique over all organizations. */
  @Column('varchar', { length: 255 })
  email: string;

  @Column('varchar', { length: 255 })
  full_name: string;

  @Column('varchar', { length: 20, default: Role.agent })
  @Field(() => String)
  role: Role;

  @Column('boolean', { default: true })
  is_active: boolean;

  @Column('boolean', { default: false })
  email_verified: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  email_verified_at: Date | null;

  /** Invited and without a password yet. */
  @Column('boolean', { default: false })
  invite_pending: boolean;

  /** E.164. */
  @Column('varchar', { length: 20, nullable: true })
  phone_number: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  avatar_url: string | null;

  @Column('varchar', { length: 2000, nullable: true })
  bio: string | null;

  /** What the agent chose; only `available` and online gets automatic work. */
  @Column('varchar', { length: 20, default: AgentStatus.offline })
  @Field(() => String)
  agent_status: AgentStatus;

  /** Sent when the agent takes a conversation. */
  @Column('varchar', { length: 1000, nullable: true })
  agent_greeting_message: string | null;

  @Column('boolean', { default: false })
  is_online: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_seen_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_login_at: Date | null;

  @Column('varchar', { length: 64, nullable: true })
  @HideField()
  @ApiHideProperty()
  last_login_ip: string | null;

  /** IANA name; null: the organization's. */
  @Column('varchar', { length: 64, nullable: true })
  timezone: string | null;

  /** BCP-47; null: the organization's. */
  @Column('varchar', { length: 35, nullable: true })
  language: string | null;

  /** Free preferences of the user interface, at most 16 KB. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  preferences: JsonObject;
}
