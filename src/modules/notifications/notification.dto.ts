import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEmail,
  IsEnum,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
} from 'class-validator';
import { Role } from '#common/actor';
import { EmailText, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf } from '#common/page.dto';
import { Channel, IsNoticeType } from './notice-types';
import { Notification } from './notification.entity';
import { NotificationPreference, PREFERENCES } from './notification-preference.entity';
import { HistoryQuery } from '#common/period.dto';

/** By which the list is narrowed: `unread` and `read` of the notification, `sent` and `failed` of any of its deliveries. */
export enum NotificationFilter {
  unread = 'unread',
  read = 'read',
  sent = 'sent',
  failed = 'failed',
}

export class NotificationPage extends PageOf(Notification) {}

export class NotificationQuery extends HistoryQuery {
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_read?: boolean;

  /** unread or read; sent or failed on any channel. */
  @IsOptional()
  @IsEnum(NotificationFilter)
  status?: NotificationFilter;

  /** Such as `sla_warning`; `types` of the preferences names them all. */
  @IsOptional()
  @IsNoticeType()
  type?: string;

  /** Those that took this channel, or were skipped on it. */
  @IsOptional()
  @IsEnum(Channel)
  channel?: Channel;
}

@ArgsType()
export class NotificationArgs extends ArgsOf(NotificationQuery) {}

export class NotificationClear {
  /** Which ones; default true: the unread ones stay. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_read?: boolean;
}

const ROLES = [Role.org_admin, Role.agent, Role.viewer] as const;

/** A word to people of the team: to those named, to everybody of a role, or to a department. */
@InputType('NotificationCreateInput')
export class NotificationCreate extends IntersectionType(
  PickType(Notification, ['title', 'message']),
  PartialType(PickType(Notification, ['priority', 'data', 'action_url'])),
) {
  // Not required by GraphQL, where it may come as `subject`; by the validator it is.
  @Field({ nullable: true })
  override title: string;

  /** Another spelling of title. */
  @IsOptional()
  @IsString()
  subject?: string;

  /** Another spelling of data. */
  @Field(() => Json, { nullable: true })
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  notification_metadata?: JsonObject;

  @Field(() => [ID], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(1000)
  @IsUUID(undefined, { each: true })
  user_ids?: string[];

  @Field(() => String, { nullable: true })
  @ApiPropertyOptional({ enum: ROLES })
  @IsOptional()
  @IsIn(ROLES)
  role?: Role;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  department_id?: string;

  /** Default: in_app and websocket. */
  @Field(() => [String], { nullable: true })
  @ApiPropertyOptional({ enum: Channel, isArray: true })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(5)
  @IsEnum(Channel, { each: true })
  channels?: Channel[];
}

/** Absent keeps. */
@InputType('NotificationPreferenceInput')
export class NotificationPreferenceUpdate extends PartialType(PickType(NotificationPreference, PREFERENCES)) {}

export class NotificationTest {
  /** Default: email. */
  @IsOptional()
  @IsEnum(Channel)
  channel?: Channel;

  /** Where the mail goes; an administrator's to say. Default: your own address. */
  @IsOptional()
  @EmailText()
  @IsEmail()
  @MaxLength(255)
  to_email?: string;
}

export class UnreadCount {
  /** 10,000 stands for more. */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: 10_000 })
  unread_count: number;
}

@ObjectType()
export class MarkedCount {
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  marked_as_read: number;
}

export class DeletedCount {
  @ApiProperty({ type: 'integer', minimum: 0 })
  deleted: number;
}

export class DeletedFlag {
  @ApiProperty({ enum: [true] })
  deleted: boolean;
}

/** What sockets hear when notifications were read or put away: of one, or of all. */
export class NotificationsRead {
  @ApiPropertyOptional({ type: String, format: 'uuid' })
  id?: string;

  @ApiPropertyOptional({ enum: [true] })
  all?: boolean;

  /** How many are left; 10,000 stands for more. */
  @ApiProperty({ type: 'integer', minimum: 0, maximum: 10_000 })
  unread_count: number;
}
