import { ArgsType, Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { IsIdOr, QueryBoolean } from '#common/fields';
import { ArgsOf } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { InPeriod } from '#common/period.dto';
import { displayName } from '#modules/contacts/present-contact';
import { ConnectionType } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { CAPABILITIES } from '#modules/whatsapp/provider';
import { Normal } from './conversation-inputs.dto';
import { Conversation, ConversationPriority } from './conversation.entity';
import { isActive } from './state/active';
import { Message } from './messages/message.entity';
import { MessageResponse, presentMessage } from './messages/message.dto';

/** The contact of a conversation, in short. */
@ObjectType()
export class ConversationContact {
  @Field(() => ID)
  id: string;

  name: string | null;

  display_name: string;

  /** Their phone, E.164. */
  @ApiProperty({ maxLength: 20 })
  whatsapp_id: string | null;

  phone_number: string | null;

  email: string | null;

  avatar_url: string | null;

  /** Names of the contact's tags, A to Z. */
  tags: string[];

  is_vip: boolean;

  is_blocked: boolean;

  is_deleted: boolean;
}

/** The number of a conversation, in short. */
@ObjectType()
export class ConversationNumber {
  @Field(() => ID)
  id: string;

  display_name: string | null;

  phone_number: string;

  @ApiProperty({ enum: ConnectionType })
  connection_type: string;
}

/** The agent of a conversation, in short. */
@ObjectType()
export class ConversationAgent {
  @Field(() => ID)
  id: string;

  full_name: string;

  email: string;
}

/** A conversation as every door answers it. */
@ObjectType('Conversation')
@ApiSchema({ name: 'Conversation' })
export class ConversationView extends Conversation {
  @ApiProperty({ type: () => ConversationContact })
  @Field(() => ConversationContact)
  contact: ConversationContact;

  @ApiProperty({ type: () => ConversationNumber, nullable: true })
  @Field(() => ConversationNumber, { nullable: true })
  whatsapp_number: ConversationNumber | null;

  @ApiProperty({ type: () => ConversationAgent, nullable: true })
  @Field(() => ConversationAgent, { nullable: true })
  current_agent: ConversationAgent | null;

  @ApiProperty({ type: () => MessageResponse, nullable: true })
  @Field(() => MessageResponse, { nullable: true })
  last_message: MessageResponse | null;

  /** = current_agent_id. */
  @Field(() => ID, { nullable: true })
  assigned_agent_id: string | null;

  /** = department_id. */
  @Field(() => ID, { nullable: true })
  assigned_department_id: string | null;

  /** = last_incoming_at. */
  last_inbound_message_at: Date | null;

  /** From a customer's question to a person's answer, on average; null: there was none. What ended unanswered does not count. */
  @ApiProperty({ type: 'integer', nullable: true })
  @Field(() => Int, { nullable: true })
  average_response_time_seconds: number | null;

  /** In a queue, without an agent, and live. */
  is_queued: boolean;

  /** Its place in the queue, 1 is served next; null: it does not wait in one, or behind the first 1,000. */
  @ApiProperty({ type: 'integer', nullable: true })
  @Field(() => Int, { nullable: true })
  queue_position: number | null;

  /** Whether anything but a template may be sent. */
  is_window_open: boolean;

  requires_template: boolean;
}

@ApiSchema({ name: 'ConversationList' })
export class ConversationPage extends PageOf(ConversationView) {}

/** What a list's query joins to a conversation, under names of its own; null where there is none. */
export interface Joined {
  contact_name: string | null;
  contact_whatsapp_name: string | null;
  contact_username: string | null;
  contact_whatsapp_id: string | null;
  contact_email: string | null;
  contact_avatar_url: string | null;
  contact_tags: string[];
  contact_is_vip: boolean | null;
  contact_is_blocked: boolean | null;
  contact_is_deleted: boolean;
  number_display_name: string | null;
  number_phone_number: string | null;
  number_connection_type: ConnectionType | null;
  agent_full_name: string | null;
  agent_email: string | null;
  queue_position: number | null;
}

export function presentConversation(row: Conversation, joined: Joined, last_message: Message | null): ConversationView {
  const { window_told_for: _told, asked_at: _asked, answers = 0, waited_seconds = 0, ...shown } = row;
  const live = isActive(row);
  const { number_connection_type } = joined;
  const has_window = !number_connection_type || CAPABILITIES[number_connection_type].has_window;
  const is_window_open = !has_window || (row.window_expires_at !== null && row.window_expires_at > new Date());
  return {
    ...shown,
    transfers: row.transfers.map((transfer) => ({ ...transfer, transferred_at: new Date(transfer.transferred_at) })),
    contact: {
      id: row.contact_id,
      name: joined.contact_name,
      display_name:
        displayName({
          name: joined.contact_name,
          whatsapp_name: joined.contact_whatsapp_name,
          username: joined.contact_username,
          whatsapp_id: joined.contact_whatsapp_id,
        }) ?? '',
      whatsapp_id: joined.contact_whatsapp_id,
      phone_number: joined.contact_whatsapp_id,
      email: joined.contact_email,
      avatar_url: joined.contact_avatar_url,
      tags: joined.contact_tags,
      is_vip: joined.contact_is_vip ?? false,
      is_blocked: joined.contact_is_blocked ?? false,
      is_deleted: joined.contact_is_deleted,
    },
    whatsapp_number:
      row.whatsapp_number_id !== null && joined.number_phone_number !== null && joined.number_connection_type !== null
        ? {
            id: row.whatsapp_number_id,
            display_name: joined.number_display_name,
            phone_number: joined.number_phone_number,
            connection_type: joined.number_connection_type,
          }
        : null,
    current_agent:
      row.current_agent_id !== null && joined.agent_full_name !== null && joined.agent_email !== null
        ? { id: row.current_agent_id, full_name: joined.agent_full_name, email: joined.agent_email }
        : null,
    last_message: last_message && presentMessage(last_message),
    assigned_agent_id: row.current_agent_id,
    assigned_department_id: row.department_id,
    last_inbound_message_at: row.last_incoming_at,
    average_response_time_seconds: answers ? Math.round(waited_seconds / answers) : null,
    is_queued: row.queue_id !== null && row.queued_at !== null && row.current_agent_id === null && live,
    queue_position: joined.queue_position,
    is_window_open,
    requires_template: !is_window_open,
  };
}

export class ConversationQuery extends InPeriod(PageQuery) {
  /** open, pending, resolved, closed, or active, archived, queued; several with commas. */
  @IsOptional()
  @Matches(/^(open|pending|resolved|closed|active|archived|queued)(,(open|pending|resolved|closed|active|archived|queued))*$/, {
    message: 'status must be open, pending, resolved, closed, active, archived or queued; several with commas',
  })
  status?: string;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  assigned_to_me?: boolean;

  /** me, none, or a user's id. */
  @IsOptional()
  @IsIdOr('me', 'none')
  assigned_to?: string;

  @IsOptional()
  @IsUUID()
  assigned_agent_id?: string;

  @IsOptional()
  @IsUUID()
  department_id?: string;

  @IsOptional()
  @IsUUID()
  queue_id?: string;

  @IsOptional()
  @IsUUID()
  contact_id?: string;

  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;

  /** normal means medium. */
  @ApiPropertyOptional({ enum: ConversationPriority })
  @IsOptional()
  @Normal()
  @IsEnum(ConversationPriority)
  priority?: ConversationPriority;

  /** Only those with unread messages. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  unread?: boolean;

  /** Labels, with commas; a conversation with any of them. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  tags?: string;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_archived?: boolean;

  /** By the last message: a day (from its start, in the organization's time zone) or an instant with its offset. */
  declare from?: string;
}

@ArgsType()
export class ConversationArgs extends ArgsOf(ConversationQuery) {}

@ArgsType()
export class ConversationFilter extends ArgsOf(ConversationQuery, PAGING) {}

/** The latest conversations of each contact that is shown. */
@ArgsType()
export class LatestConversations extends ArgsOf(PageQuery, ['skip', 'page', 'cursor', 'search', 'sort']) {}
