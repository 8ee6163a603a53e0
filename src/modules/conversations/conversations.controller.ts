import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { Allow, Caller } from '#access/decorators';
import { Idempotent } from '#api/idempotency';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import type { Page } from '#common/page.dto';
import { Audit } from '#modules/audit/audit.interceptor';
import {
  ConversationAssign,
  ConversationClose,
  ConversationCreate,
  ConversationPage,
  ConversationQuery,
  ConversationUpdate,
  ConversationView,
  MessageQuery,
} from './conversation.dto';
import { ConversationsService } from './conversations.service';
import { composeRequest } from './messages/compose';
import { MessagePage, MessageResponse } from './messages/message.dto';
import { MessagesService } from './messages/messages.service';
import { firstDraft } from './messages/first-draft';
import { MessageSendRequest } from './messages/send.dto';

/** The shared inbox. */
@ApiTags('conversations')
@Controller('conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  /** List conversations. */
  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: ConversationPage })
  page(@Caller() actor: Actor, @Query() query: ConversationQuery): Promise<Page<ConversationView>> {
    return this.conversations.page(actor, query);
  }

  /**
   * Start a conversation.
   * @throws {409} contact_blocked, conversation_already_open.
   */
  @Post()
  @Allow('agent')
  @Idempotent()
  @Audit('conversation.created')
  async create(@Caller() actor: Actor, @Body() input: ConversationCreate): Promise<ConversationView> {
    return this.conversations.create(actor, input, await firstDraft(input.initial_message));
  }

  /** Read a conversation. */
  @Get(':conversation_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.get(actor, id);
  }

  /** Update a conversation. */
  @Put(':conversation_id')
  @Allow('agent')
  @Audit('conversation.updated')
  update(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationUpdate): Promise<ConversationView> {
    return this.conversations.update(actor, id, input);
  }

  /** List a conversation's messages, oldest first; `before` and `after` page by key. */
  @Get(':conversation_id/messages')
  @Allow('viewer')
  @ApiOkResponse({ type: MessagePage })
  thread(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Query() query: MessageQuery): Promise<Page<MessageResponse>> {
    return this.messages.thread(actor, id, query);
  }

  /**
   * Send a message, or keep a note.
   * @throws {409} contact_blocked, conversation_not_active, no_whatsapp_number, number_inactive, number_not_configured, window_closed, template_not_approved ...
   */
  @Post(':conversation_id/messages')
  @Allow('agent')
  @Idempotent()
  @Audit('message.sent')
  @ApiCreatedResponse({ type: MessageResponse })
  send(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: MessageSendRequest): Promise<MessageResponse> {
    return this.messages.send(actor, id, composeRequest(input), input);
  }

  /** Mark everything read. */
  @Post(':conversation_id/read')
  @HttpCode(200)
  @Allow('agent')
  @Audit(false)
  read(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.markRead(actor, id);
  }

  /**
   * Assign to an agent, or to nobody.
   * @throws {409} conversation_not_active.
   */
  @Post(':conversation_id/assign')
  @HttpCode(200)
  @Allow('agent')
  @Audit('conversation.assigned')
  assign(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationAssign): Promise<ConversationView> {
    return this.conversations.assign(actor, id, input.agent_id);
  }

  /**
   * Close.
   * @throws {409} conversation_already_closed.
   */
  @Post(':conversation_id/close')
  @HttpCode(200)
  @Allow('agent')
  @Audit('conversation.closed')
  close(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationClose): Promise<ConversationView> {
    return this.conversations.close(actor, id, input);
  }

  /**
   * Archive; a live conversation is closed first.
   * @throws {409} conversation_already_archived.
   */
  @Post(':conversation_id/archive')
  @HttpCode(200)
  @Allow('agent')
  @Audit('conversation.archived')
  archive(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.archive(actor, id);
  }

  /**
   * Reopen.
   * @throws {409} conversation_not_closed, conversation_already_open.
   */
  @Post(':conversation_id/reopen')
  @HttpCode(200)
  @Allow('agent')
  @Audit('conversation.reopened')
  reopen(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.reopen(actor, id);
  }
}
