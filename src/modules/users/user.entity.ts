import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsEnum, IsInt, IsObject, IsOptional, IsString, Length, Max, MaxLength, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Role } from '#common/actor';
import { Alias } from '#common/alias';
import { EmailText, JsonBytes, Language, OneLine, Phone, TimeZone, Trim, WebUrl } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { rolePermissions } from '#common/permissions';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { declareUserRows } from '#database/personal-data';
import { declareStat } from '#modules/organizations/organization-stats';
import { declareResource } from '#modules/organizations/plan-resources';

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
// A token names its user and no organization: a super admin's may be any.
@Index('users_id_key', ['id'], { unique: true })
export class User extends SoftDeletedEntity {
  /** Trimmed, lower case; unique over all organizations. */
  @Column('varchar', { length: 255 })
  @EmailText()
  @IsEmail()
  @MaxLength(255)
  email: string;

  @Column('varchar', { length: 255 })
  @Alias('name')
  @OneLine()
  @IsString()
  @Length(2, 255)
  full_name: string;

  /** Read-only mirror of full_name. */
  name: string;

  @Column('varchar', { length: 20, default: Role.agent })
  @IsEnum(Role)
  @Field(() => String)
  role: Role;

  @Column('boolean', { default: true })
  @IsBoolean()
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
  @IsOptional()
  @Phone()
  phone_number: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  avatar_url: string | null;

  @Column('varchar', { length: 2000, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  bio: string | null;

  /** What the agent chose; who is `available` and online (`is_online`: by an open socket) gets automatic work. */
  @Column('varchar', { length: 20, default: AgentStatus.offline })
  @IsEnum(AgentStatus)
  @Field(() => String)
  agent_status: AgentStatus;

  /** Sent when the agent takes a conversation. */
  @Column('varchar', { length: 1000, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  agent_greeting_message: string | null;

  /** Open and pending conversations they may have before automatic work stops; null: what departments and queues say. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  max_conversations: number | null;

  /** A socket of theirs is open (Socket.IO or `/ws`, with their own token), or was within the last minute; nothing else makes somebody online. */
  @Column('boolean', { default: false })
  is_online: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_seen_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_login_at: Date | null;

  /** Shown to the user and to administrators. */
  @Column('varchar', { length: 64, nullable: true })
  last_login_ip?: string | null;

  /** IANA name; null: the organization's. */
  @Column('varchar', { length: 64, nullable: true })
  @IsOptional()
  @TimeZone()
  timezone: string | null;

  /** BCP-47; null: the organization's. */
  @Column('varchar', { length: 35, nullable: true })
  @IsOptional()
  @Language()
  language: string | null;

  /** Free preferences of the user interface, at most 16 KB. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @IsObject()
  @JsonBytes(16_384)
  preferences: JsonObject;

  /** Narrower than the role's permissions; null: the role alone decides. */
  @Column('text', { array: true, nullable: true })
  @HideField()
  @ApiHideProperty()
  custom_permissions?: string[] | null;

  /** Since when the account is nobody's. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  anonymized_at?: Date | null;

  /** Departments the agent answers for. */
  @Field(() => [ID])
  department_ids: string[];

  /** Effective permissions. Shown to the user and to administrators. */
  @Field(() => [String], { nullable: true })
  permissions?: string[];

  /** Too many wrong passwords: no login until then. Shown to the user and to administrators. */
  locked_until?: Date | null;
}

/** What is left of somebody who is nobody any more. */
export const ANONYMOUS_USER = {
  blank: ['email', 'full_name', 'phone_number', 'avatar_url', 'bio', 'agent_greeting_message', 'preferences', 'last_login_ip'],
  words: { email: "'anonymized-' || id || '@anonymized.invalid'", full_name: "'Anonymized ' || left(md5(id::text), 8)" },
};

/** Contract 50: an entry of the audit log is never rewritten, and who is erased must not stand in it. */
export const mayTell = (field: string): boolean => !ANONYMOUS_USER.blank.includes(field);

declareUserRows('users', {
  erase: ANONYMOUS_USER,
  export: [
    'email',
    'full_name',
    'role',
    'phone_number',
    'avatar_url',
    'bio',
    'timezone',
    'language',
    'preferences',
    'created_at',
    'last_login_at',
  ],
});

declareResource('users', {
  text: 'Users.',
  limits: { free: 2, starter: 5, growth: 10, professional: 20, enterprise: -1 },
  usage: 'SELECT count(*)::int FROM users WHERE organization_id = $1 AND deleted_at IS NULL',
});

declareStat('active_users', {
  text: 'Users who are switched on.',
  count: 'SELECT count(*)::int FROM users WHERE organization_id = $1 AND is_active AND deleted_at IS NULL',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    users: true;
  }
}

/** Whether customers' conversations may be this user's. */
export const mayAnswer = ({ is_active, role }: Pick<User, 'is_active' | 'role'>): boolean => is_active && role !== Role.viewer;

/** What they may: their own list, else all of their role. */
export const effectivePermissions = ({ role, custom_permissions }: Pick<User, 'role' | 'custom_permissions'>): string[] => [
  ...(custom_permissions ?? rolePermissions(role)),
];
