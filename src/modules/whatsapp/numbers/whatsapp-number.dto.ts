import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsEnum,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUrl,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { Nested, QueryBoolean, Trim } from '#common/fields';
import { Json } from '#common/json.scalar';
import { ArgsOf, IntersectionType, OmitType, PartialType, PickType } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { ConnectionStatus, ConnectionType, WhatsAppNumber, toConnectionType } from './whatsapp-number.entity';

/** inactive: switched off; active: on and connected; pending: the rest. */
const NUMBER_STATUSES = ['active', 'inactive', 'pending'] as const;
export type NumberStatus = (typeof NUMBER_STATUSES)[number];

/** A line the organization owns. Its keys are never answered. */
@ObjectType('WhatsAppNumber')
@ApiSchema({ name: 'WhatsAppNumber' })
export class WhatsAppNumberView extends WhatsAppNumber {
  /** inactive: switched off; active: on and connected; pending: the rest. */
  @Field(() => String)
  status: NumberStatus;

  /** Always messaging_limit_tier. */
  messaging_limit: string | null;

  /** To be entered at Meta; null for whoever is not org_admin. */
  webhook_verify_token: string | null;

  /** Where the provider delivers: to be entered at Meta, made known to Evolution by itself; null for whoever is not org_admin. */
  webhook_callback_url: string | null;

  has_access_token: boolean;

  has_app_secret: boolean;

  has_evolution_api_key: boolean;

  /** Its last four characters. */
  access_token_hint: string | null;
}

@ApiSchema({ name: 'WhatsAppNumberList' })
export class WhatsAppNumberPage extends PageOf(WhatsAppNumberView) {}

/** What WhatsApp shows of the business. */
export class BusinessProfile {
  @IsOptional()
  @IsString()
  @Length(1, 139)
  about?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(256)
  address?: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(512)
  description?: string | null;

  @IsOptional()
  @IsEmail()
  @MaxLength(128)
  email?: string | null;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(2)
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false }, { each: true })
  @MaxLength(256, { each: true })
  websites?: string[] | null;

  /** Meta's word for the trade, such as RETAIL. */
  @IsOptional()
  @Matches(/^[A-Z_]{1,50}$/, { message: 'vertical must be one of Meta’s words in capitals, such as RETAIL' })
  vertical?: string | null;

  /** As Meta tells it. */
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  profile_picture_url?: string | null;
}

/** Beyond any number's day: what is counted fits the database's integers, and Redis' ranks. */
const LIMIT_MAX = 1_000_000_000;

/** How many messages may leave by a number, beside what its provider takes; null: as usual. What is above it waits. */
export class NumberRateLimits {
  /** Within any day: messages of a qrcode number, people written to first by an official one, whose tier it takes the place of. */
  @ApiProperty({ example: 10_000 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  daily?: number | null;

  /** Within any hour; a qrcode number's is 1,000 where nothing is said. */
  @ApiProperty({ example: 2000 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  hourly?: number | null;

  /** Within any minute. */
  @ApiProperty({ example: 120 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  minute?: number | null;
}

export class NumberSettings {
  @IsOptional()
  @Nested(() => NumberRateLimits)
  rate_limits?: NumberRateLimits | null;

  /** Buttons and lists as such on a qrcode number, not as a numbered text. */
  @IsOptional()
  @IsBoolean()
  native_interactive?: boolean | null;

  /** Tell WhatsApp what the team has read; default true. */
  @IsOptional()
  @IsBoolean()
  mark_as_read?: boolean | null;
}

@InputType({ isAbstract: true })
class NumberFields extends PickType(WhatsAppNumber, [
  'phone_number',
  'display_name',
  'connection_type',
  'is_active',
  'is_default',
  'phone_number_id',
  'whatsapp_business_account_id',
  'default_department_id',
  'default_queue_id',
  'evolution_instance_name',
  'evolution_api_url',
  'auto_reply_enabled',
  'welcome_message',
  'away_message',
  'business_hours',
  'webhook_url',
]) {
  /** Meta's token for this number; kept encrypted, never answered. */
  @Trim()
  @IsOptional()
  @Matches(/^[\x21-\x7e]{1,4096}$/, { message: 'access_token must be printable characters without blanks' })
  access_token?: string | null;

  /** Of the Meta app that sends this number's webhooks; kept encrypted, never answered. Without: META_APP_SECRET. */
  @Trim()
  @IsOptional()
  @Matches(/^[\x21-\x7e]{8,255}$/, { message: 'app_secret must be 8 to 255 printable characters without blanks' })
  app_secret?: string | null;

  /** Opens the Evolution server of a qrcode number; kept encrypted, never answered. Without: the operator's server with the operator's key. */
  @Trim()
  @IsOptional()
  @Matches(/^[\x21-\x7e]{8,255}$/, { message: 'evolution_api_key must be 8 to 255 printable characters without blanks' })
  evolution_api_key?: string | null;

  /** Absent: generated. */
  @Trim()
  @Matches(/^[\x21-\x7e]{8,128}$/, { message: 'webhook_verify_token must be 8 to 128 printable characters without blanks' })
  webhook_verify_token: string;

  @Field(() => Json, { nullable: true })
  @IsOptional()
  @Nested(() => BusinessProfile)
  business_profile?: BusinessProfile | null;

  /** Given keys replace those stored; null goes back to the default. */
  @Field(() => Json)
  @Nested(() => NumberSettings)
  settings: NumberSettings;
}

/** Absent keeps, null clears. phone_number and connection_type cannot be changed: another value is refused. */
@InputType('WhatsAppNumberUpdateInput')
export class WhatsAppNumberUpdate extends PartialType(NumberFields) {}

/** null is the same as absent. */
@InputType('WhatsAppNumberCreateInput')
export class WhatsAppNumberCreate extends IntersectionType(
  PartialType(OmitType(NumberFields, ['phone_number'])),
  PickType(NumberFields, ['phone_number']),
) {}
for (const field of ['connection_type', 'is_active', 'is_default', 'auto_reply_enabled', 'webhook_verify_token', 'settings'])
  IsOptional()(WhatsAppNumberCreate.prototype, field);

export class NumberQuery extends PageQuery {
  @IsOptional()
  @IsIn(NUMBER_STATUSES)
  status?: NumberStatus;

  @Transform(({ value }: { value: unknown }) => toConnectionType(value))
  @IsOptional()
  @IsEnum(ConnectionType)
  connection_type?: ConnectionType;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_active?: boolean;
}

@ArgsType()
export class NumberFilter extends ArgsOf(NumberQuery, PAGING) {}

export class NumberStatusQuery {
  /** Ask the provider first. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  refresh?: boolean;
}

/** What the provider says of a number. */
@ObjectType()
export class ConnectionTestResult {
  @ApiProperty({ enum: ['connected', 'disconnected', 'error'] })
  status: string;

  success: boolean;

  message: string;

  @Field(() => String)
  connection_type: ConnectionType;

  phone_number: string;

  display_name: string | null;

  quality_rating: string | null;

  messaging_limit_tier: string | null;

  tested_at: Date;
}

const QR_CODE_STATUSES = ['not_created', 'pending', 'connecting', 'connected', 'disconnected', 'error'] as const;
export type QrCodeStatus = (typeof QR_CODE_STATUSES)[number];

/** Where the pairing of a qrcode number stands. */
@ObjectType('QRCodeResponse')
@ApiSchema({ name: 'QRCodeResponse' })
export class QRCodeResponse {
  /** PNG data URL, for an img element. */
  @ApiProperty({ type: String, nullable: true, example: 'data:image/png;base64,iVBORw0KGgo=' })
  qr_code: string | null;

  /** To be typed on the phone in place of scanning, where the provider gives one. */
  pairing_code: string | null;

  /** What the picture says. */
  code: string | null;

  @ApiProperty({ enum: QR_CODE_STATUSES })
  @Field(() => String)
  status: QrCodeStatus;

  message: string;

  /** Until then the code is good; ask for another one after it. */
  expires_at: Date | null;
}

export class DisconnectResult {
  @ApiProperty({ enum: ['success'] })
  status: 'success';

  message: string;

  @ApiProperty({ enum: ConnectionStatus })
  connection_status: ConnectionStatus;
}

/** A code to scan, for administrators. */
export class QrCodeNews {
  @ApiProperty({ format: 'uuid' })
  number_id: string;

  /** PNG data URL. */
  qr_code: string | null;

  pairing_code: string | null;

  expires_at: Date;
}

/** How a number is, without asking anybody unless `refresh` says so. */
export class WhatsAppNumberStatus extends PickType(WhatsAppNumber, [
  'id',
  'connection_status',
  'is_active',
  'phone_number',
  'connection_type',
  'quality_rating',
  'messaging_limit_tier',
  'connected_at',
  'last_seen_at',
  'last_error',
]) {
  status: NumberStatus;

  /** When the provider was last asked; null: never. */
  checked_at: Date | null;
}

export const statusOf = ({ is_active, connection_status }: Pick<WhatsAppNumber, 'is_active' | 'connection_status'>): NumberStatus =>
  !is_active ? 'inactive' : connection_status === ConnectionStatus.connected ? 'active' : 'pending';

/** The little of a number that is told. */
export type ToldNumber = Pick<
  WhatsAppNumber,
  | 'id'
  | 'phone_number'
  | 'display_name'
  | 'connection_type'
  | 'connection_status'
  | 'is_active'
  | 'quality_rating'
  | 'messaging_limit_tier'
  | 'connected_at'
  | 'last_seen_at'
  | 'last_checked_at'
  | 'last_error'
>;

export const presentStatus = (number: ToldNumber): WhatsAppNumberStatus => ({
  id: number.id,
  status: statusOf(number),
  connection_status: number.connection_status,
  is_active: number.is_active,
  phone_number: number.phone_number,
  connection_type: number.connection_type,
  quality_rating: number.quality_rating,
  messaging_limit_tier: number.messaging_limit_tier,
  connected_at: number.connected_at,
  last_seen_at: number.last_seen_at,
  last_error: number.last_error,
  checked_at: number.last_checked_at,
});
