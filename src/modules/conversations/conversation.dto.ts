import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { Alias, BareList } from '#common/alias';
import { DayOrInstant, IsIdOr, NotBefore, NotBlank, OneLine, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { ConnectionType } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { CAPABILITIES } from '#modules/whatsapp/provider';
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
        joined.contact_name ??
        joined.contact_whatsapp_name ??
        (joined.contact_username ? `@${joined.contact_username}` : (joined.contact_whatsapp_id ?? '')),
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

export class ConversationQuery extends PageQuery {
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

  @ApiPropertyOptional({ enum: ConversationPriority })
  @IsOptional()
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
  @IsOptional()
  @DayOrInstant()
  from?: string;

  /** A day (to its end, in the organization's time zone) or an instant with its offset. */
  @IsOptional()
  @DayOrInstant()
  @NotBefore('from')
  to?: string;
}

@ArgsType()
export class ConversationArgs extends ArgsOf(ConversationQuery) {}

@ArgsType()
export class ConversationFilter extends ArgsOf(ConversationQuery, PAGING) {}

@InputType('ConversationCreateInput')
export class ConversationCreate {
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  contact_id?: string;

  /** Alias: to. The contact is made if it is not there. */
  @Alias('to')
  @IsOptional()
  @IsString()
  @MaxLength(40)
  contact_phone?: string;

  /** Used only for a new contact. */
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(1, 255)
  contact_name?: string;

  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  whatsapp_number_id?: string;

  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_agent_id?: string;

  /** It waits in this queue, or where that sends on to. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  queue_id?: string;

  /** It waits in the department's queue of the highest priority, if it has one. */
  @Alias('assigned_department_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  department_id?: string;

  @ApiPropertyOptional({ enum: ConversationPriority })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'normal' ? 'medium' : value))
  @IsEnum(ConversationPriority)
  @Field(() => String, { nullable: true })
  priority?: ConversationPriority;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @Field(() => [String], { nullable: true })
  tags?: string[];

  /** A text, or a message as `POST /conversations/{id}/messages` takes it. */
  @ApiPropertyOptional({
    oneOf: [{ type: 'string', maxLength: 4096 }, { $ref: '#/components/schemas/MessageSendRequest' }],
    example: 'Olá! Como posso ajudar?',
  })
  @IsOptional()
  @Field(() => String, { nullable: true })
  initial_message?: unknown;
}

@InputType('ConversationUpdateInput')
export class ConversationUpdate {
  /** open, pending, resolved, closed; active means open, archived archives. */
  @IsOptional()
  @IsIn(['open', 'pending', 'resolved', 'closed', 'active', 'archived'])
  status?: string;

  /** Null: nobody. Alias: current_agent_id. */
  @Alias('current_agent_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_agent_id?: string | null;

  /** Another one: it waits there, without an agent unless one is given. Null: it waits in none. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  queue_id?: string | null;

  /** It becomes the department's; without an agent it waits in its queue of the highest priority. Alias: department_id. */
  @Alias('department_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_department_id?: string | null;

  @ApiPropertyOptional({ enum: ConversationPriority })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'normal' ? 'medium' : value))
  @IsEnum(ConversationPriority)
  @Field(() => String, { nullable: true })
  priority?: ConversationPriority;

  /** Replaces all. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @Field(() => [String], { nullable: true })
  tags?: string[];

  /** Only while the conversation has no number. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  whatsapp_number_id?: string;

  @IsOptional()
  @IsObject()
  @Field(() => Json, { nullable: true })
  extra_data?: JsonObject;
}

@ArgsType()
export class ConversationAssign {
  /** Null: nobody. Alias: assigned_agent_id. */
  // GraphQL asks for an agent (contract 20 §11); nobody is `updateConversation`'s.
  @Field(() => ID, { nullable: false })
  @Alias('assigned_agent_id')
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  @ValidateIf((_, value) => value !== null)
  @IsUUID()
  agent_id: string | null;
}

@ArgsType()
export class ConversationClose {
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string;

  /** Default true: also counts as resolved. */
  @IsOptional()
  @IsBoolean()
  resolved?: boolean;
}

/** More labels for a conversation; the list alone means the same. */
@ArgsType()
export class ConversationTags {
  /** Labels that are there already, in any case, stay as they are; a conversation has at most 20. */
  @Field(() => [String])
  @BareList()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @Matches(/\S/, { each: true, message: 'tags must have something to read: white space is not text' })
  tags: string[];
}

/** A word among the team. */
@ArgsType()
export class ConversationNoteCreate {
  /** Alias: content. */
  @Alias('content')
  @IsString()
  @Length(1, 4000)
  @NotBlank()
  note: string;

  /** Users whom it is meant for: they are told. */
  @Field(() => [ID], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsUUID(undefined, { each: true })
  mentions?: string[];
}
