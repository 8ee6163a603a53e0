import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { TEXT } from '#api/graphql-limits';
import { Json, type JsonObject } from '#common/json.scalar';
import { Reference, UncheckedReference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { ContactIdentity } from '#modules/contacts/contact-identity.entity';
import { Contact } from '#modules/contacts/contact.entity';
import { declareStat } from '#modules/organizations/organization-stats';
import { User } from '#modules/users/user.entity';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { declareUserRows } from '#database/personal-data';
import { Transfer } from './transfer.dto';

/** open: live; pending: parked, waiting for an agent; resolved: done, a new message revives it; closed: ended. */
export enum ConversationStatus {
  open = 'open',
  pending = 'pending',
  resolved = 'resolved',
  closed = 'closed',
}

export enum ConversationPriority {
  low = 'low',
  medium = 'medium',
  high = 'high',
  urgent = 'urgent',
}

/** What a customer who was asked how it went may still say. */
export enum CsatAwaits {
  rating = 'rating',
  comment = 'comment',
}

/** A thread with one contact through one WhatsApp number. */
@Entity('conversations')
@Reference(() => Contact, 'contact_id', 'RESTRICT')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'RESTRICT')
@Reference(() => ContactIdentity, 'contact_identity_id', 'SET NULL')
@Reference(() => User, 'current_agent_id', 'SET NULL')
@Reference('Queue', 'queue_id', 'SET NULL')
@Reference('Department', 'department_id', 'SET NULL')
// Written before its message is, and an index by it, without which no message could be deleted, would be written with every message: 21 us each,
// where the three checks of an incoming message take 24 us together (of 660 us until it is filed).
@UncheckedReference('Message', 'last_message_id')
@ObjectType({ isAbstract: true })
@Index('conversations_active_key', ['organization_id', 'contact_id', 'whatsapp_number_id'], {
  unique: true,
  where: "status IN ('open', 'pending') AND whatsapp_number_id IS NOT NULL",
})
// In the order of the list (last_message_at DESC NULLS LAST), which TypeORM cannot say: all; an agent's; what is live or unread; what has ended.
@Index('conversations_newest_idx', { synchronize: false })
@Index('conversations_of_agent_idx', { synchronize: false })
@Index('conversations_attention_idx', { synchronize: false })
@Index('conversations_ended_idx', { synchronize: false })
// Those that wait, in the order they are served.
@Index('conversations_waiting_idx', { synchronize: false })
// Those that wait in a department without a queue, likewise.
@Index('conversations_in_department_idx', { synchronize: false })
@Index('conversations_sla_idx', ['organization_id', 'sla_due_at'], { where: 'sla_due_at IS NOT NULL' })
@Index('conversations_of_queue_idx', ['organization_id', 'queue_id', 'queued_at'], { where: 'queue_id IS NOT NULL' })
@Index('conversations_of_department_idx', ['organization_id', 'department_id', 'created_at'], { where: 'department_id IS NOT NULL' })
@Index('conversations_live_of_agent_idx', ['organization_id', 'current_agent_id'], {
  where: "current_agent_id IS NOT NULL AND status IN ('open', 'pending')",
})
@Index('conversations_of_identity_idx', ['organization_id', 'contact_identity_id'], { where: 'contact_identity_id IS NOT NULL' })
// What is not of the usual priority, which is few: a message renews its conversation's entry in every index that has it.
@Index('conversations_priority_idx', ['organization_id', 'queue_priority', 'id'], { where: 'queue_priority <> 50' })
@Index('conversations_csat_idx', ['organization_id', 'csat_due_at'], { where: 'csat_due_at IS NOT NULL' })
@Index('conversations_rated_idx', ['organization_id', 'rated_at'], { where: 'rated_at IS NOT NULL' })
@Index('conversations_contact_idx', ['organization_id', 'contact_id', 'whatsapp_number_id', 'created_at'])
export class Conversation extends TenantEntity {
  @Column('uuid')
  @Field(() => ID)
  contact_id: string;

  /** Null until the first send binds a number. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  whatsapp_number_id: string | null;

  /** The name the contact last wrote under here, if it is not their number: answers go there while it is theirs. */
  @Column('uuid', { nullable: true })
  @HideField()
  @ApiHideProperty()
  contact_identity_id: string | null;

  @Column('varchar', { length: 20, default: 'whatsapp' })
  channel: string;

  @Column('varchar', { length: 20, default: ConversationStatus.open })
  @Field(() => String)
  status: ConversationStatus;

  /** A flag, not a status: archived conversations leave the default list. */
  @Column('boolean', { default: false })
  is_archived: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  archived_at: Date | null;

  @Column('varchar', { length: 20, default: ConversationPriority.medium })
  @Field(() => String)
  priority: ConversationPriority;

  @Column('int', { default: 50 })
  @Field(() => Int)
  queue_priority: number;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  current_agent_id: string | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  department_id: string | null;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  queue_id: string | null;

  /** When it began to wait, in a queue or in a department without one; stays after assignment. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  queued_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  assigned_at: Date | null;

  /** When the SLA of its queue is looked at next; null: none runs. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sla_due_at: Date | null;

  /** When the SLA of its queue is over, by the hours of the queue, unless an agent has it by then; null: none runs. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sla_ends_at: Date | null;

  /** When it had waited for most of what its queue's SLA allows, since it entered. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sla_warned_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  sla_breached_at: Date | null;

  /** The first answer of a person since it entered its queue. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  queue_answered_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  first_message_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_message_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_incoming_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_outgoing_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  first_response_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  resolved_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  closed_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  reopened_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_read_at: Date | null;

  /** Meta, Cloud API: 24 h from the last incoming message of this contact on this number; after it only templates. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  window_expires_at: Date | null;

  /** The window the team was told of that it ends soon. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  window_told_for?: Date | null;

  /** Incoming messages since the team last read. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  unread_count: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  total_messages: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  messages_from_contact: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  messages_from_agent: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  messages_from_bot: number;

  /** Human replies only. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  first_response_time_seconds: number | null;

  /** When the customer began to wait for what a person says next; null: nobody waits. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  asked_at?: Date | null;

  /** How often a person answered somebody who waited. */
  @Column('int', { default: 0 })
  @HideField()
  @ApiHideProperty()
  answers?: number;

  /** How long they waited, together. */
  @Column('double precision', { default: 0 })
  @HideField()
  @ApiHideProperty()
  waited_seconds?: number;

  /** Since creation or the last reopening. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  resolution_time_seconds: number | null;

  /** 1 to 5: how the customer found it, when last asked. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  rating: number | null;

  /** What they added to it. */
  @Column('text', { nullable: true })
  @Field(() => String, { nullable: true, complexity: TEXT })
  rating_comment: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  rated_at: Date | null;

  /** When they are asked; null: they are not, or were. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  csat_due_at: Date | null;

  /** What counts as their answer until `csat_until`: rating, then comment. */
  @Column('varchar', { length: 10, nullable: true })
  @Field(() => String, { nullable: true })
  csat_awaits: CsatAwaits | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  csat_until: Date | null;

  @Column('boolean', { default: false })
  is_bot_active: boolean;

  @Column('boolean', { default: false })
  is_human_requested: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  handoff_at: Date | null;

  /** Free labels of the conversation, apart from the contact's tags. */
  @Column('text', { array: true, default: '{}' })
  @Field(() => [String])
  tags: string[];

  @Column('varchar', { length: 500, nullable: true })
  close_reason: string | null;

  @Column('jsonb', { default: {} })
  @Field(() => Json)
  extra_data: JsonObject;

  /** Who passed it on to whom, the last 50 times, oldest first. */
  @Column('jsonb', { default: [] })
  @Field(() => [Transfer])
  @ApiProperty({ type: () => [Transfer] })
  transfers: Transfer[];

  /** The newest message that is not a note. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  last_message_id: string | null;
}

declareUserRows('conversations', { erase: { blank: ['current_agent_id'] }, export: [] });

declareStat('total_conversations', {
  text: 'Conversations.',
  count: 'SELECT count(*)::int FROM conversations WHERE organization_id = $1',
});
declareStat('conversations_this_month', {
  text: "Conversations that began in this calendar month, in the organization's time zone.",
  count: `SELECT count(*)::int FROM conversations WHERE organization_id = $1
             AND created_at >= date_trunc('month', now() AT TIME ZONE $2) AT TIME ZONE $2`,
});
