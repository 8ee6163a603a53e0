import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { TEXT } from '#api/graphql-limits';
import { Json, type JsonObject } from '#common/json.scalar';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { Contact } from '#modules/contacts/contact.entity';
import { User } from '#modules/users/user.entity';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { Template } from '#modules/whatsapp/templates/template.entity';
import { Conversation } from '../conversation.entity';
import { declareUserRows } from '#database/personal-data';
import { declareStat } from '#modules/organizations/organization-stats';
import { declareResource } from '#modules/organizations/plan-resources';

export enum MessageDirection {
  incoming = 'incoming',
  outgoing = 'outgoing',
  internal = 'internal',
}

/** device: typed on the phone itself. */
export enum SenderType {
  contact = 'contact',
  agent = 'agent',
  bot = 'bot',
  campaign = 'campaign',
  automation = 'automation',
  api = 'api',
  device = 'device',
  system = 'system',
}

export enum MessageType {
  text = 'text',
  image = 'image',
  video = 'video',
  audio = 'audio',
  document = 'document',
  sticker = 'sticker',
  location = 'location',
  contacts = 'contacts',
  interactive = 'interactive',
  button = 'button',
  template = 'template',
  reaction = 'reaction',
  order = 'order',
  system = 'system',
  unsupported = 'unsupported',
  note = 'note',
}

/** Outgoing: pending < sent < delivered < read, or failed. Incoming: received. */
export enum MessageStatus {
  pending = 'pending',
  sent = 'sent',
  delivered = 'delivered',
  read = 'read',
  failed = 'failed',
  received = 'received',
}

/** A file of a message. */
export class MessageMedia {
  id: string;

  /** By content once the file is here. */
  mime_type: string;

  filename: string | null;

  size_bytes: number | null;

  /** Hex. */
  @ApiProperty({ type: String, nullable: true, maxLength: 64 })
  sha256: string | null;

  @ApiProperty({ enum: ['pending', 'ready', 'failed', 'expired'] })
  status: 'pending' | 'ready' | 'failed' | 'expired';

  /** Where it is downloaded once it is ready. */
  url: string | null;

  /** Where an image's thumbnail is (image/webp, at most 320 pixels on the longer side); null: it has none. */
  thumbnail_url: string | null;

  /** At rest: whether it has one; absent: it was kept before there were any. */
  @HideField()
  @ApiHideProperty()
  has_thumbnail?: boolean;
}

export class MessageReaction {
  @ApiProperty({ enum: ['contact', 'business'] })
  from: 'contact' | 'business';

  emoji: string;

  @ApiProperty({ format: 'date-time' })
  at: string;

  /** Who of the team reacted from here; absent: the contact, or somebody on the phone itself. */
  @ApiProperty({ format: 'uuid', required: false })
  user_id?: string;
}

/** One message of a conversation, or an internal note. OpenAPI name: MessageResponse. */
@Entity('messages')
// No index by contact or number: messages are deleted with their conversation, before any of these.
@Reference(() => Conversation, 'conversation_id', 'RESTRICT')
@Reference(() => Contact, 'contact_id', 'RESTRICT')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'RESTRICT')
@Reference(() => User, 'sender_user_id', 'SET NULL')
@Reference(() => Message, 'reply_to_message_id', 'SET NULL')
@Reference(() => Template, 'template_id', 'SET NULL')
@Reference(() => Message, 'resent_from_id', 'SET NULL')
// Without it the message could be sent again once more.
@Reference(() => Message, 'resent_as_id', 'RESTRICT')
@ObjectType({ isAbstract: true })
@Index('messages_provider_key', ['organization_id', 'whatsapp_number_id', 'whatsapp_message_id'], {
  unique: true,
  where: 'whatsapp_message_id IS NOT NULL',
})
@Index('messages_thread_idx', ['organization_id', 'conversation_id', 'created_at', 'id'])
// Full text, without notes and what was deleted; the migration writes it.
@Index('messages_search_idx', { synchronize: false })
@Index('messages_history_idx', ['organization_id', 'created_at', 'id'])
@Index('messages_of_agent_idx', ['organization_id', 'sender_user_id', 'created_at'], { where: 'sender_user_id IS NOT NULL' })
// What the team noted, and what was said by itself: few, found without the rest.
@Index('messages_automation_idx', ['organization_id', 'contact_id', 'created_at'], { where: "sender_type = 'automation'" })
@Index('messages_notes_idx', ['organization_id', 'conversation_id', 'created_at', 'id'], { where: "message_type = 'note'" })
// Texts, which are most, are found among the newest; the kind of a message never changes.
@Index('messages_kind_idx', ['organization_id', 'message_type', 'created_at', 'id'], { where: "message_type <> 'text'" })
// By what refers to a message or template that is deleted.
@Index('messages_reply_idx', ['organization_id', 'reply_to_message_id'], { where: 'reply_to_message_id IS NOT NULL' })
@Index('messages_template_idx', ['organization_id', 'template_id'], { where: 'template_id IS NOT NULL' })
@Index('messages_resent_from_idx', ['organization_id', 'resent_from_id'], { where: 'resent_from_id IS NOT NULL' })
@Index('messages_resent_as_idx', ['organization_id', 'resent_as_id'], { where: 'resent_as_id IS NOT NULL' })
export class Message extends TenantEntity {
  @Column('uuid')
  @Field(() => ID)
  conversation_id: string;

  @Column('uuid')
  @Field(() => ID)
  contact_id: string;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  whatsapp_number_id: string | null;

  @Column('varchar', { length: 10 })
  @Field(() => String)
  direction: MessageDirection;

  @Column('varchar', { length: 12 })
  @Field(() => String)
  sender_type: SenderType;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  sender_user_id: string | null;

  @Column('varchar', { length: 255, nullable: true })
  sender_name: string | null;

  @Column('varchar', { length: 12 })
  @Field(() => String)
  message_type: MessageType;

  /** Text body, caption, chosen title or rendered template; null if nothing textual. */
  @Column('text', { nullable: true })
  @Field(() => String, { nullable: true, complexity: TEXT })
  content: string | null;

  /** Typed content, by message_type. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  payload: JsonObject;

  @Column('jsonb', { nullable: true })
  @Field(() => Json, { nullable: true })
  @ApiProperty({ type: () => MessageMedia, nullable: true })
  media: MessageMedia | null;

  @Column('varchar', { length: 10 })
  @Field(() => String)
  status: MessageStatus;

  /** The provider's id (wamid). */
  @Column('varchar', { length: 512, nullable: true })
  @ApiProperty({ type: String, nullable: true, maxLength: 512 })
  whatsapp_message_id: string | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  reply_to_message_id: string | null;

  @Column('boolean', { default: false })
  forwarded: boolean;

  @Column('jsonb', { default: [] })
  @Field(() => Json)
  @ApiProperty({ type: [MessageReaction] })
  reactions: MessageReaction[];

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  template_id: string | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  campaign_id: string | null;

  @Column('jsonb', { default: {} })
  @Field(() => Json)
  metadata: JsonObject;

  /** The caller's own id. */
  @Column('varchar', { length: 255, nullable: true })
  client_reference: string | null;

  @Column('boolean', { default: false })
  is_deleted: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  edited_at: Date | null;

  /** Earlier versions of an edited message, oldest first. */
  @Column('jsonb', { nullable: true })
  @HideField()
  @ApiHideProperty()
  earlier_versions?: JsonObject[] | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  resent_from_id: string | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  resent_as_id: string | null;

  /** The provider's or our own code. */
  @Column('varchar', { length: 64, nullable: true })
  error_code: string | null;

  @Column('text', { nullable: true })
  error_message: string | null;

  @Column('jsonb', { nullable: true })
  @Field(() => Json, { nullable: true })
  pricing: JsonObject | null;

  /** Provider's time, like the four below. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sent_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  delivered_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  read_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  played_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  failed_at: Date | null;
}

// The author stays, as nobody.
declareUserRows('messages', {
  erase: { blank: ['sender_name'] },
  export: ['id', 'conversation_id', 'message_type', 'content', 'created_at'],
});

declareResource('messages_per_month', {
  text: "Outgoing messages per calendar month, in the organization's time zone.",
  limits: { free: 1_000, starter: 10_000, growth: 25_000, professional: 50_000, enterprise: -1 },
  usage: `SELECT count(*)::int FROM messages WHERE organization_id = $1 AND direction = 'outgoing'
             AND created_at >= date_trunc('month', now() AT TIME ZONE $2) AT TIME ZONE $2`,
  is_monthly: true,
});

declareStat('total_messages', {
  text: 'Messages, internal notes aside.',
  count: "SELECT count(*)::int FROM messages WHERE organization_id = $1 AND direction <> 'internal'",
});
declareStat('messages_this_month', {
  text: "Messages of this calendar month, in the organization's time zone; internal notes aside.",
  count: `SELECT count(*)::int FROM messages WHERE organization_id = $1 AND direction <> 'internal'
             AND created_at >= date_trunc('month', now() AT TIME ZONE $2) AT TIME ZONE $2`,
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    messages_per_month: true;
  }
}
