import { ArgsType, Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
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
import { Alias } from '#common/alias';
import { DayOrInstant, IsIdOr, NotBefore, OneLine, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { Contact } from '#modules/contacts/contact.entity';
import { User } from '#modules/users/user.entity';
import { ConnectionType, WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { CAPABILITIES } from '#modules/whatsapp/provider';
import { Conversation, ConversationPriority, ConversationStatus } from './conversation.entity';
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

  /** In a queue, without an agent, and live. */
  is_queued: boolean;

  /** Whether anything but a template may be sent. */
  is_window_open: boolean;

  requires_template: boolean;
}

@ApiSchema({ name: 'ConversationList' })
export class ConversationPage extends PageOf(ConversationView) {}

/** A row with what its query joined. */
export type JoinedConversation = Conversation & {
  contact: Contact | null;
  whatsapp_number: WhatsAppNumber | null;
  current_agent: User | null;
  last_message: Message | null;
};

export function presentConversation(row: JoinedConversation): ConversationView {
  const { contact, whatsapp_number, current_agent, last_message, ...conversation } = row;
  const live = row.status === ConversationStatus.open || row.status === ConversationStatus.pending;
  const has_window = !whatsapp_number || CAPABILITIES[whatsapp_number.connection_type].has_window;
  const is_window_open = !has_window || (row.window_expires_at !== null && row.window_expires_at > new Date());
  return {
    ...conversation,
    contact: {
      id: row.contact_id,
      name: contact?.name ?? null,
      display_name: contact?.name ?? contact?.whatsapp_name ?? (contact?.username ? `@${contact.username}` : (contact?.whatsapp_id ?? '')),
      whatsapp_id: contact?.whatsapp_id ?? null,
      phone_number: contact?.whatsapp_id ?? null,
      email: contact?.email ?? null,
      avatar_url: contact?.avatar_url ?? null,
      is_vip: contact?.is_vip ?? false,
      is_blocked: contact?.is_blocked ?? false,
      is_deleted: !contact || contact.deleted_at !== null,
    },
    whatsapp_number: whatsapp_number && {
      id: whatsapp_number.id,
      display_name: whatsapp_number.display_name,
      phone_number: whatsapp_number.phone_number,
      connection_type: whatsapp_number.connection_type,
    },
    current_agent: current_agent && { id: current_agent.id, full_name: current_agent.full_name, email: current_agent.email },
    last_message: last_message && presentMessage(last_message),
    assigned_agent_id: row.current_agent_id,
    assigned_department_id: row.department_id,
    last_inbound_message_at: row.last_incoming_at,
    is_queued: row.queue_id !== null && row.queued_at !== null && row.current_agent_id === null && live,
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
