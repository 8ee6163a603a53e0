import { Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Json } from '#common/json.scalar';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { User } from '#modules/users/user.entity';
import type { Channel } from './notice-types';
import { IsTypePreferences } from './type-preferences';

/** Type → channel → whether it is wanted. */
export type TypePreferences = Record<string, Partial<Record<Channel, boolean>>>;

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
const TIME_MISTAKE = { message: '$property must be a time of the day, such as 22:00' };

/** How a user wants to be told. */
@Entity('notification_preferences')
@Reference(() => User, 'user_id', 'CASCADE')
@ObjectType()
@Index('notification_preferences_user_key', ['organization_id', 'user_id'], { unique: true })
export class NotificationPreference extends TenantEntity {
  @Column('uuid')
  @Field(() => ID)
  user_id: string;

  @Column('boolean', { default: true })
  @IsBoolean()
  email_enabled: boolean;

  /** No server sends them yet: they are skipped as `not_configured`. */
  @Column('boolean', { default: false })
  @IsBoolean()
  sms_enabled: boolean;

  /** No server sends them yet: they are skipped as `not_configured`. */
  @Column('boolean', { default: false })
  @IsBoolean()
  whatsapp_enabled: boolean;

  @Column('boolean', { default: true })
  @IsBoolean()
  websocket_enabled: boolean;

  /** False: the list of notifications stays empty. */
  @Column('boolean', { default: true })
  @IsBoolean()
  in_app_enabled: boolean;

  /** No mails between start and end, in the user's time zone. */
  @Column('boolean', { default: false })
  @IsBoolean()
  quiet_hours_enabled: boolean;

  /** HH:MM. */
  @Column('varchar', { length: 5, nullable: true })
  @IsOptional()
  @Matches(TIME, TIME_MISTAKE)
  quiet_hours_start: string | null;

  /** HH:MM; before the start: on the next morning. */
  @Column('varchar', { length: 5, nullable: true })
  @IsOptional()
  @Matches(TIME, TIME_MISTAKE)
  quiet_hours_end: string | null;

  @Column('int', { default: 10 })
  @Field(() => Int)
  @IsInt()
  @Min(1)
  @Max(100)
  max_emails_per_hour: number;

  @Column('int', { default: 5 })
  @Field(() => Int)
  @IsInt()
  @Min(1)
  @Max(50)
  max_sms_per_hour: number;

  /**
   * What is wanted otherwise than by default: type → channel → whether. In the app and on sockets by default: conversation_closed, custom, new_message,
   * sla_warning, trial_ending. By mail too: conversation_assigned, conversation_transferred, mention, plan_limit, privacy_request_completed, queue_overflow,
   * sla_breached, template_stopped, webhook_disabled, whatsapp_disconnected, whatsapp_limit_reached, whatsapp_restricted. In the app alone: agent_offline.
   * In the app and by mail whatever is wanted: security_alert. Nowhere: new_contact, test.
   */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @IsTypePreferences()
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: { type: 'boolean' } },
    example: { conversation_assigned: { email: false } },
  })
  types: TypePreferences;
}

/** What of it is theirs to say. */
export const PREFERENCES = [
  'email_enabled',
  'sms_enabled',
  'whatsapp_enabled',
  'websocket_enabled',
  'in_app_enabled',
  'quiet_hours_enabled',
  'quiet_hours_start',
  'quiet_hours_end',
  'max_emails_per_hour',
  'max_sms_per_hour',
  'types',
] as const satisfies (keyof NotificationPreference)[];

declareUserRows('notification_preferences', { erase: 'delete', export: PREFERENCES });
