import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsEnum, IsObject, IsOptional, IsString, IsUUID, IsUrl, Length, Matches, MaxLength } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Alias } from '#common/alias';
import { NotBlank, OneLine, Phone, Trim, WebUrl } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { Reference } from '#database/references';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { type BusinessHours, IsBusinessHours } from '#modules/organizations/business-hours';
import { declareResource } from '#modules/organizations/plan-resources';

/** official: Meta Cloud API; qrcode: Evolution API. */
export enum ConnectionType {
  official = 'official',
  qrcode = 'qrcode',
}

/** Of a number that does not say. */
export const DEFAULT_CONNECTION = ConnectionType.official;

export enum ConnectionStatus {
  connected = 'connected',
  connecting = 'connecting',
  disconnected = 'disconnected',
  error = 'error',
}

const OTHER_NAMES: Readonly<Record<string, ConnectionType>> = {
  evolution: ConnectionType.qrcode,
  qr_code: ConnectionType.qrcode,
  unofficial: ConnectionType.qrcode,
  cloud: ConnectionType.official,
  meta: ConnectionType.official,
};

/** The sources' other names for the two kinds; anything else is left for the validator. */
export const toConnectionType = (value: unknown): unknown =>
  typeof value === 'string' ? (OTHER_NAMES[value.toLowerCase()] ?? value) : value;

/** A line an organization owns. Its tokens live in `whatsapp_number_secrets`. */
@Entity('whatsapp_numbers')
@Reference('Department', 'default_department_id', 'SET NULL')
@Reference('Queue', 'default_queue_id', 'SET NULL')
@ObjectType({ isAbstract: true })
@Index('whatsapp_numbers_phone_key', ['organization_id', 'phone_number'], { unique: true, where: 'deleted_at IS NULL' })
@Index('whatsapp_numbers_phone_number_id_key', ['organization_id', 'phone_number_id'], { unique: true, where: 'deleted_at IS NULL' })
@Index('whatsapp_numbers_proved_key', ['phone_number_id'], { unique: true, where: 'proved_at IS NOT NULL AND deleted_at IS NULL' })
@Index('whatsapp_numbers_waba_idx', ['whatsapp_business_account_id'], { where: 'deleted_at IS NULL' })
@Index('whatsapp_numbers_instance_key', ['evolution_instance_name'], { unique: true, where: 'evolution_instance_name IS NOT NULL' })
@Index('whatsapp_numbers_default_key', ['organization_id'], { unique: true, where: 'is_default AND deleted_at IS NULL' })
export class WhatsAppNumber extends SoftDeletedEntity {
  /** E.164; cannot be changed later. */
  @Column('varchar', { length: 20 })
  @Phone()
  @IsString()
  phone_number: string;

  /** Alias: name. */
  @Column('varchar', { length: 255, nullable: true })
  @Alias('name')
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(1, 255)
  display_name: string | null;

  /** Alias: api_type. evolution, qr_code and unofficial mean qrcode; cloud and meta mean official. */
  @Column('varchar', { length: 10, default: DEFAULT_CONNECTION })
  @Field(() => String)
  @Alias('api_type')
  @Transform(({ value }: { value: unknown }) => toConnectionType(value))
  @IsEnum(ConnectionType)
  connection_type: ConnectionType;

  @Column('varchar', { length: 15, default: ConnectionStatus.disconnected })
  @Field(() => String)
  connection_status: ConnectionStatus;

  /** True after the first successful connection. */
  @Column('boolean', { default: false })
  verified: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  verified_at: Date | null;

  /** When Meta last confirmed to the organization's own token that phone_number_id and account are theirs; null: only claimed, so far. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  proved_at: Date | null;

  @Column('boolean', { default: true })
  @IsBoolean()
  is_active: boolean;

  /** One per organization; used when a send names no number. */
  @Column('boolean', { default: false })
  @IsBoolean()
  is_default: boolean;

  /** Meta's id of the number. */
  @Column('varchar', { length: 64, nullable: true })
  @IsOptional()
  @Matches(/^\d{5,32}$/, { message: 'phone_number_id must be the 5 to 32 digits Meta shows' })
  phone_number_id: string | null;

  /** Alias: waba_id. */
  @Column('varchar', { length: 64, nullable: true })
  @Alias('waba_id')
  @IsOptional()
  @Matches(/^\d{5,32}$/, { message: 'whatsapp_business_account_id must be the 5 to 32 digits Meta shows' })
  whatsapp_business_account_id: string | null;

  /**
   * Of a qrcode number: its instance on the Evolution server. Given only beside an `evolution_api_key` of your own; on the operator's server the name is
   * made. Kept by a deleted number until its instance is deleted too.
   */
  @Column('varchar', { length: 100, nullable: true })
  @IsOptional()
  @Matches(/^[\w-]{3,100}$/, { message: 'evolution_instance_name must be 3 to 100 letters, digits, _ or -' })
  evolution_instance_name: string | null;

  /** Of a qrcode number: an Evolution server of your own; null: the operator's. */
  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true })
  @MaxLength(2048)
  evolution_api_url: string | null;

  @Column('jsonb', { nullable: true })
  @Field(() => Json, { nullable: true })
  @IsOptional()
  @IsObject()
  business_profile: JsonObject | null;

  /** Whose queue of the highest priority its new conversations enter, unless default_queue_id says which. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  default_department_id: string | null;

  /** The queue its new conversations enter. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  default_queue_id: string | null;

  /** Whether it answers by itself: welcome_message and away_message. */
  @Column('boolean', { default: false })
  @IsBoolean()
  auto_reply_enabled: boolean;

  /** To who begins a conversation within the hours, when no bot takes it. */
  @Column('varchar', { length: 1024, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @NotBlank()
  @Length(1, 1024)
  welcome_message: string | null;

  /** To who writes outside the hours, once in 12 hours; then nothing else is said by itself. */
  @Column('varchar', { length: 1024, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @NotBlank()
  @Length(1, 1024)
  away_message: string | null;

  /** As in the organization's settings; null or `{}`: those of the organization. */
  @Column('jsonb', { nullable: true })
  @Field(() => Json, { nullable: true })
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    example: { monday: { enabled: true, start: '09:00', end: '18:00' } },
  })
  @IsOptional()
  @IsObject()
  @IsBusinessHours()
  business_hours: BusinessHours | null;

  /** GREEN, YELLOW, RED or UNKNOWN. */
  @Column('varchar', { length: 20, nullable: true })
  quality_rating: string | null;

  /** TIER_250, TIER_2K and the like. */
  @Column('varchar', { length: 30, nullable: true })
  messaging_limit_tier: string | null;

  /** STANDARD or HIGH, as Meta says; null: not known yet. */
  @Column('varchar', { length: 20, nullable: true })
  @HideField()
  @ApiHideProperty()
  throughput: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  connected_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_seen_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_checked_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  last_error: string | null;

  /** Sending stops until then: Meta restricted the number. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  paused_until: Date | null;

  /** Somebody reads its templates from Meta; nobody else until then. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  templates_sync_until: Date | null;

  /** Told of its messages and of the number itself: a webhook of its own, signed with webhook_verify_token. */
  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  @IsString()
  webhook_url: string | null;

  /** rate_limits {daily, hourly, minute}, native_interactive, mark_as_read. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @IsObject()
  settings: JsonObject;
}

declareResource('whatsapp_numbers', {
  text: 'WhatsApp numbers.',
  limits: { free: 1, starter: 2, growth: 3, professional: 5, enterprise: -1 },
  usage: 'SELECT count(*)::int FROM whatsapp_numbers WHERE organization_id = $1 AND deleted_at IS NULL',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    whatsapp_numbers: true;
  }
}
