import { ApiProperty, PartialType as OptionalFields } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsBoolean, IsISO4217CurrencyCode, IsInt, IsObject, IsOptional, IsString, Max, Min } from 'class-validator';
import { InputType } from '@nestjs/graphql';
import { Language, Nested, TimeZone } from '#common/fields';
import { PartialType, PickType } from '#common/mapped-types';
import { type BusinessHours, IsBusinessHours } from './business-hours';
import { Organization } from './organization.entity';

/** Absent keeps, null clears what may be empty. */
@InputType('OrganizationUpdateInput')
export class OrganizationUpdate extends PartialType(PickType(Organization, ['name', 'description', 'website', 'logo_url', 'phone'])) {}

export class NotificationSettings {
  @IsBoolean()
  @IsOptional()
  email_enabled: boolean;

  @IsBoolean()
  @IsOptional()
  digest: boolean;
}

export class SecuritySettings {
  /** Login only after the e-mail is confirmed. */
  @IsBoolean()
  @IsOptional()
  require_email_verification: boolean;

  /** Whoever has no second factor may only set one up. API keys have none and go on. */
  @IsBoolean()
  @IsOptional()
  require_two_factor: boolean;

  @IsInt()
  @Min(8)
  @Max(64)
  @IsOptional()
  password_min_length: number;

  /** Wrong passwords in a row until not even the right one gets in. Whoever guesses sees the same for every e-mail: locked after five. */
  @IsInt()
  @Min(3)
  @Max(20)
  @IsOptional()
  max_failed_logins: number;

  @IsInt()
  @Min(1)
  @Max(1440)
  @IsOptional()
  lockout_minutes: number;

  /** CIDR ranges the organization's users must come from; empty: anywhere. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @IsOptional()
  allowed_ip_ranges: string[];
}

export class PrivacySettings {
  /** Messages older than this are removed; null: kept. */
  @IsInt()
  @Min(30)
  @Max(36_500)
  @IsOptional()
  message_retention_days: number | null;

  /** Media older than this is removed; null: kept. */
  @IsInt()
  @Min(7)
  @Max(36_500)
  @IsOptional()
  media_retention_days: number | null;

  /** Days a request about personal data may take. */
  @IsInt()
  @Min(1)
  @Max(365)
  @IsOptional()
  response_deadline_days: number;
}

/** How an organization works; what was never set has its default. Keys of your own are kept as given. */
export class OrganizationSettings {
  /** Day → `{enabled, start, end}` in the organization's time zone; `{}`: always open, an absent day is closed. */
  @ApiProperty({
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: { enabled: { type: 'boolean' }, start: { type: 'string' }, end: { type: 'string' } },
    },
    example: { monday: { enabled: true, start: '09:00', end: '18:00' } },
  })
  @IsObject()
  @IsBusinessHours()
  business_hours: BusinessHours;

  /** IANA name. */
  @TimeZone()
  timezone: string;

  /** BCP-47. */
  @Language()
  language: string;

  /** ISO 4217. */
  @IsISO4217CurrencyCode()
  currency: string;

  @Nested(() => NotificationSettings)
  notification_settings: NotificationSettings;

  @Nested(() => SecuritySettings)
  security_settings: SecuritySettings;

  @Nested(() => PrivacySettings)
  privacy_settings: PrivacySettings;
}

export const SETTINGS_DEFAULTS: OrganizationSettings = {
  business_hours: {},
  timezone: 'America/Sao_Paulo',
  language: 'pt-BR',
  currency: 'BRL',
  notification_settings: { email_enabled: true, digest: false },
  security_settings: {
    require_email_verification: false,
    require_two_factor: false,
    password_min_length: 8,
    max_failed_logins: 5,
    lockout_minutes: 30,
    allowed_ip_ranges: [],
  },
  privacy_settings: { message_retention_days: null, media_retention_days: null, response_deadline_days: 15 },
};

/** Top-level keys replace; null goes back to the default. */
// Swagger's half alone: in GraphQL settings are JSON.
export class OrganizationSettingsUpdate extends OptionalFields(OrganizationSettings) {}
