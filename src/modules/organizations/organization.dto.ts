import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsEnum,
  IsISO4217CurrencyCode,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { Role } from '#common/actor';
import { Alias } from '#common/alias';
import { Open } from '#common/open';
import { DayOrInstant, EmailText, Language, Nested, NotBefore, OneLine, QueryBoolean, TimeZone, Trim } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { type BusinessHours, IsBusinessHours } from './business-hours';
import { CSAT_DEFAULTS, CsatSettings } from './csat.dto';
import { Organization, OrganizationStatus, PlanType } from './organization.entity';
import { PlanLimitOverrides, PlanLimits, PlanUsage } from './plan.dto';
import { AreStopWords, STOP_WORDS_DEFAULTS } from './stop-words';

export class OrganizationPage extends PageOf(Organization) {}

export class OrganizationQuery extends PageQuery {
  @IsOptional()
  @IsEnum(OrganizationStatus)
  status?: OrganizationStatus;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_active?: boolean;

  /** true: as `is_active=true`. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  active_only?: boolean;

  @IsOptional()
  @IsEnum(PlanType)
  plan_type?: PlanType;

  /** true: those that were deleted and can still be restored, and no others. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_deleted?: boolean;
}

@ArgsType()
export class OrganizationArgs extends ArgsOf(OrganizationQuery) {}

/** Why somebody did not come back. */
export enum LeftOutReason {
  /** An account elsewhere has their e-mail by now. */
  email_in_use = 'email_in_use',
}

/** Somebody who did not come back with their organization. */
@ObjectType()
export class UserLeftOut {
  @Field(() => ID)
  @ApiProperty({ type: String, format: 'uuid' })
  id: string;

  email: string;

  full_name: string;

  @Field(() => String)
  role: Role;

  /** email_in_use: an account elsewhere has it by now. Who frees it may invite them again. */
  @Field(() => String)
  @ApiProperty({ enum: LeftOutReason })
  reason: LeftOutReason;
}

/** An organization that is back. */
@ObjectType()
export class RestoredOrganization extends Organization {
  /** Who did not come back with it; empty: everybody did. */
  @Field(() => [UserLeftOut])
  users_left_out: UserLeftOut[];
}

const PROFILE = ['name', 'description', 'website', 'logo_url', 'phone'] as const;

/** Absent keeps, null clears what may be empty. */
export class OrganizationUpdate extends PartialType(PickType(Organization, PROFILE)) {}

@InputType({ isAbstract: true })
class OperatorFields {
  /** Merged as `PUT /organizations/me/settings` merges them. */
  @Field(() => Json)
  @IsObject()
  settings: JsonObject;

  /** Limits of its own, merged; null takes one back to the plan's. */
  @Nested(() => PlanLimitOverrides)
  plan_limits: PlanLimitOverrides;
}

/** Absent keeps, null clears what may be empty. An organization's own administrators change the profile and the settings. */
@InputType('OrganizationUpdateInput')
export class OrganizationAdminUpdate extends PartialType(
  IntersectionType(PickType(Organization, [...PROFILE, 'slug', 'domain']), OperatorFields),
) {}

/** With admin_email its first administrator is made too: invited where no password is given. */
@InputType('OrganizationCreateInput')
export class OrganizationCreate extends IntersectionType(
  PickType(Organization, ['name']),
  PartialType(PickType(Organization, ['slug', 'domain', 'description', 'website', 'logo_url', 'phone'])),
) {
  /** Alias: plan. Default: free. */
  @Alias('plan')
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsEnum(PlanType)
  plan_type?: PlanType;

  /** Days of trial, by the limits of `professional`; default: no trial. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(365)
  trial_days?: number;

  @Field(() => Json, { nullable: true })
  @IsOptional()
  @IsObject()
  settings?: JsonObject;

  @EmailText()
  @IsOptional()
  @IsEmail()
  @MaxLength(255)
  admin_email?: string;

  /** Default: what stands before the @ of the e-mail. */
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(2, 255)
  admin_full_name?: string;

  /** 8 to 100 characters with a letter and a digit, not the e-mail. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  admin_password?: string;
}

@ArgsType()
export class OrganizationPlanUpdate {
  /** Alias: plan. Ends a trial. */
  @Alias('plan')
  @Field(() => String)
  @IsEnum(PlanType)
  plan_type: PlanType;

  /** An instant with its offset, or a day: from its start in the organization's time zone. Absent keeps, null clears. */
  @IsOptional()
  @DayOrInstant()
  subscription_starts_at?: string | null;

  /** An instant with its offset, or a day: to its end in the organization's time zone. Then the plan becomes `free`. Absent keeps, null clears. */
  @IsOptional()
  @DayOrInstant()
  @NotBefore('subscription_starts_at')
  subscription_ends_at?: string | null;
}

export class UpgradeRequest {
  /** Higher than the present one. Alias: plan. */
  @Alias('plan')
  @IsEnum(PlanType)
  plan_type: PlanType;
}

@ArgsType()
export class SuspendRequest {
  /** Shown to the organization. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

/** What an organization has. The counts of each room stand beside these (organization-stats.ts). */
@ObjectType()
export class OrganizationStats {
  [count: string]: unknown;

  plan_limits: PlanLimits;

  plan_usage: PlanUsage;
}

/** What the sockets hear of an organization. */
export class OrganizationNews {
  id: string;
  name: string;
  slug: string;
  status: OrganizationStatus;
  is_active: boolean;
  plan_type: PlanType;
  is_trial: boolean;
  trial_ends_at: Date | null;
}

@InputType('NotificationSettingsInput')
export class NotificationSettings {
  /** False: no notice leaves by mail, but for those of an account's security. */
  @IsBoolean()
  @IsOptional()
  @Field(() => Boolean, { nullable: true })
  email_enabled: boolean;

  /** True: each user gets their notices in one mail a day, at 8 o'clock by their clock; those of an account's security leave at once. */
  @IsBoolean()
  @IsOptional()
  @Field(() => Boolean, { nullable: true })
  digest: boolean;
}

@InputType('SecuritySettingsInput')
export class SecuritySettings {
  /** Login only after the e-mail is confirmed. */
  @IsBoolean()
  @IsOptional()
  @Field(() => Boolean, { nullable: true })
  require_email_verification: boolean;

  /** Whoever has no second factor may only set one up. API keys have none and go on. */
  @IsBoolean()
  @IsOptional()
  @Field(() => Boolean, { nullable: true })
  @ApiProperty({ example: false })
  require_two_factor: boolean;

  @IsInt()
  @Min(8)
  @Max(64)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  password_min_length: number;

  /** Wrong passwords in a row until not even the right one gets in. Whoever guesses sees the same for every e-mail: locked after five. */
  @IsInt()
  @Min(3)
  @Max(20)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  max_failed_logins: number;

  @IsInt()
  @Min(1)
  @Max(1440)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  lockout_minutes: number;

  /** CIDR ranges the organization's users must come from; empty: anywhere. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @IsOptional()
  @Field(() => [String], { nullable: true })
  allowed_ip_ranges: string[];
}

@InputType('PrivacySettingsInput')
export class PrivacySettings {
  /** Messages older than this are removed; null: kept. */
  @IsInt()
  @Min(30)
  @Max(36_500)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  message_retention_days: number | null;

  /** Media older than this is removed; null: kept. */
  @IsInt()
  @Min(7)
  @Max(36_500)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  media_retention_days: number | null;

  /** Days a request about personal data may take. */
  @IsInt()
  @Min(1)
  @Max(365)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  response_deadline_days: number;
}

/** How an organization works; what was never set has its default. Keys of your own are kept as given. */
@InputType({ isAbstract: true })
export class OrganizationSettings {
  /**
   * In short: day → `{enabled, start, end}`, or a list of `{start, end}` where there is a break. With `schedule` for those days, also `timezone` (IANA; absent:
   * the organization's), `holidays` and `exceptions` (lists of `{date, until?, name?, hours?}`; no hours: closed; exceptions win), `national_holidays: "BR"`
   * (closed) and `always_open`. `{}`: always open. An absent day is closed; an end before its start is on the next morning.
   */
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: {
      schedule: {
        monday: [
          { start: '08:00', end: '12:00' },
          { start: '13:00', end: '18:00' },
        ],
      },
      holidays: [{ date: '2026-12-24', name: 'Véspera de Natal', hours: [{ start: '08:00', end: '12:00' }] }],
      national_holidays: 'BR',
    },
  })
  @Field(() => Json)
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

  @Nested(() => CsatSettings)
  csat: CsatSettings;

  /**
   * Who writes one of these, and nothing else, has opted out (`opt_in: false`), with a record, and gets one confirmation. Case, accents and punctuation do not
   * count; `[]`: no word does. A template's button whose payload is `STOP` opts out whatever stands here.
   */
  @AreStopWords()
  @ApiProperty({ example: STOP_WORDS_DEFAULTS.opt_out_words })
  opt_out_words: string[];

  /** As `opt_out_words`, for who wants to hear from the organization again. */
  @AreStopWords()
  @ApiProperty({ example: STOP_WORDS_DEFAULTS.opt_in_words })
  opt_in_words: string[];
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
  csat: CSAT_DEFAULTS,
  ...STOP_WORDS_DEFAULTS,
};

/** Top-level keys replace; null goes back to the default; keys of your own are kept (REST: GraphQL knows no open objects). */
@Open()
@InputType('OrganizationSettingsInput')
export class OrganizationSettingsUpdate extends PartialType(OrganizationSettings) {}
for (const field of Object.keys(SETTINGS_DEFAULTS)) IsOptional()(OrganizationSettingsUpdate.prototype, field);
