import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { IsEnum, IsObject, IsOptional, IsString, Length } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Alias } from '#common/alias';
import { JsonBytes, NotBlank, OneLine, Trim, WebUrl } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { declareContactRows, declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { TenantEntity } from '#database/tenant.entity';
import { OutboundMail } from '#mail/outbound-mail.entity';
import { User } from '#modules/users/user.entity';
import { Channel } from './notice-types';

export enum NotificationPriority {
  low = 'low',
  normal = 'normal',
  high = 'high',
}

export enum DeliveryStatus {
  pending = 'pending',
  sent = 'sent',
  failed = 'failed',
  bounced = 'bounced',
  skipped = 'skipped',
}

/** Why a channel was not taken. */
export enum SkipReason {
  /** The user, or for mails the organization, switched it off. */
  disabled = 'disabled',
  quiet_hours = 'quiet_hours',
  /** As many as the user wants in an hour had left. */
  rate_limited = 'rate_limited',
  /** This server has no such way. */
  not_configured = 'not_configured',
  /** Nobody has said yet that they read mail at this address. */
  unconfirmed = 'unconfirmed',
  /** Of a digest: it was read before the mail left. */
  read = 'read',
}

export enum NotificationStatus {
  unread = 'unread',
  read = 'read',
}

/** What became of a notice on one channel. */
@ObjectType()
export class NotificationDelivery {
  @Field(() => String)
  channel: Channel;

  /** `sent` of websocket: told to every open socket of the user. */
  @Field(() => String)
  status: DeliveryStatus;

  /** The address; in the app and on sockets the user's id. */
  @ApiProperty({ type: String, nullable: true })
  recipient: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  sent_at: string | null;

  /** What the mail server said. */
  @ApiProperty({ type: String, nullable: true })
  error_message: string | null;

  /** Why it was skipped. */
  @Field(() => String, { nullable: true })
  @ApiProperty({ enum: SkipReason, nullable: true })
  reason: SkipReason | null;

  /** Tries beyond the first. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  retry_count: number;
}

/** What a user is told of an event: one row, whatever the channels. */
@Entity('notifications')
@Reference(() => User, 'user_id', 'CASCADE')
// Its words speak of the person, or name who did it: they go with them.
@Reference('Contact', 'contact_id', 'CASCADE')
@Reference(() => User, 'by_user_id', 'CASCADE')
@Reference(() => OutboundMail, 'mail_id', 'SET NULL')
@ObjectType()
@Index('notifications_newest_idx', ['organization_id', 'user_id', 'created_at', 'id'], { where: 'is_listed' })
@Index('notifications_read_idx', ['organization_id', 'user_id', 'is_read', 'created_at', 'id'], { where: 'is_listed' })
@Index('notifications_type_idx', ['organization_id', 'user_id', 'type', 'created_at', 'id'], { where: 'is_listed' })
@Index('notifications_about_idx', ['organization_id', 'about', 'created_at'], { where: 'about IS NOT NULL' })
@Index('notifications_contact_idx', ['organization_id', 'contact_id'], { where: 'contact_id IS NOT NULL' })
@Index('notifications_by_user_idx', ['organization_id', 'by_user_id'], { where: 'by_user_id IS NOT NULL' })
@Index('notifications_email_due_idx', ['organization_id', 'email_due_at'], { where: 'email_due_at IS NOT NULL' })
@Index('notifications_mail_idx', ['organization_id', 'mail_id'], { where: 'mail_id IS NOT NULL' })
@Index('notifications_age_idx', ['created_at'], { where: 'is_read OR NOT is_listed' })
// Of the few with such a delivery, in the order of the list; the migration writes them.
@Index('notifications_email_idx', { synchronize: false })
@Index('notifications_sms_idx', { synchronize: false })
@Index('notifications_whatsapp_idx', { synchronize: false })
@Index('notifications_failed_idx', { synchronize: false })
export class Notification extends TenantEntity {
  /** Who is told. */
  @Column('uuid')
  @Field(() => ID)
  user_id: string;

  /** What happened, e.g. `conversation_assigned`. */
  @Column('varchar', { length: 40 })
  type: string;

  /** Read-only mirror of type. */
  notification_type: string;

  /** In the language of the user. */
  @Column('varchar', { length: 255 })
  @Alias('subject')
  @OneLine()
  @NotBlank()
  @IsString()
  @Length(1, 255)
  title: string;

  /** Read-only mirror of title. */
  subject: string;

  @Column('varchar', { length: 2000 })
  @Trim()
  @NotBlank()
  @IsString()
  @Length(1, 2000)
  message: string;

  @Column('varchar', { length: 10, default: NotificationPriority.normal })
  @IsEnum(NotificationPriority)
  @Field(() => String)
  priority: NotificationPriority;

  /** What it is about: `conversation_id`, `contact_id`, `campaign_id` and the like. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @Alias('notification_metadata')
  @IsObject()
  @JsonBytes(8192)
  data: JsonObject;

  /** Read-only mirror of data. */
  @Field(() => Json)
  notification_metadata: JsonObject;

  /** Where to go from it. */
  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  action_url: string | null;

  @Column('boolean', { default: false })
  is_read: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  read_at: Date | null;

  /** Read-only mirror of is_read. */
  @Field(() => String)
  status: NotificationStatus;

  /** Each channel it took, or would have. */
  @Column('jsonb', { default: [] })
  @Field(() => [NotificationDelivery])
  deliveries: NotificationDelivery[];

  /** False: the user does not want it in the app. It is in no list and no count. */
  @Column('boolean', { default: true })
  @HideField()
  @ApiHideProperty()
  is_listed?: boolean;

  /** The id in its data it is merged by. */
  @Column('varchar', { length: 64, nullable: true })
  @HideField()
  @ApiHideProperty()
  about?: string | null;

  /** The contact in its data. */
  @Column('uuid', { nullable: true })
  @HideField()
  @ApiHideProperty()
  contact_id?: string | null;

  /** Whose act its words tell of, by name. */
  @Column('uuid', { nullable: true })
  @HideField()
  @ApiHideProperty()
  by_user_id?: string | null;

  /** When its mail is to be decided on; null: there is none, or it is decided. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  email_due_at?: Date | null;

  /** The mail that carries it, until what became of that is known. */
  @Column('uuid', { nullable: true })
  @HideField()
  @ApiHideProperty()
  mail_id?: string | null;
}

// Read ones; and those nobody will read, because they stand in no list.
declareRetention('notifications', {
  where: "(is_read OR NOT is_listed) AND created_at < now() - interval '90 days'",
  oldest: 'created_at',
});

declareUserRows('notifications', {
  erase: 'delete',
  export: ['type', 'title', 'message', 'created_at', 'read_at'],
  // What others are told is theirs.
  export_where: 'user_id = $2',
});

declareContactRows('notifications', {
  merge: async (tx, { actor, keep, gone }) => {
    await tx.rows('UPDATE notifications SET contact_id = $2 WHERE organization_id = $1 AND contact_id = $3', [
      actor.organization_id,
      keep,
      gone,
    ]);
  },
  erase: 'delete',
  anonymize: 'delete',
  export: [],
});
