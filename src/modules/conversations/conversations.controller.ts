import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiParam } from '@nestjs/swagger';
import { Allow, Caller, Resource } from '#access/decorators';
import { Idempotent } from '#api/idempotency';
import { Uuid } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { DEMO } from '#common/demo';
import type { Page } from '#common/page.dto';
import { Bodies, Room } from '#common/room';
import { Audit } from '#modules/audit/audit.interceptor';
import { ConversationPage, ConversationQuery, ConversationView } from './conversation.dto';
import { ConversationAssign, ConversationClose, ConversationCreate, ConversationTags, ConversationUpdate } from './conversation-inputs.dto';
import { ConversationsService } from './conversations.service';
import { composeRequest } from './messages/compose';
import { MessagePage, MessageResponse } from './messages/message.dto';
import { MessageQuery, NoteQuery } from './messages/message-query.dto';
import { MessagesService } from './messages/messages.service';
import { ConversationNoteCreate } from './messages/note.dto';
import { firstDraft } from './messages/first-draft';
import { MessageSendRequest } from './messages/send.dto';
import { SendRefusals } from './messages/send-refusals';
import { ConversationTransfer } from './transfer.dto';

/** The shared inbox. */
@Room('conversations', 'The shared inbox: one thread with one contact on one number.', { conversation_id: DEMO.conversation_id })
@Controller('conversations')
@Resource('conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  /**
   * List conversations. `search` finds the contact as `GET /contacts` does, and the text of the last message in the 500 newest conversations of the list
   * (older texts: `GET /whatsapp/messages`). Where the words are common, `total` says at least how many there are.
   */
  @Get()
  @Allow('viewer')
  @ApiOkResponse({ type: ConversationPage })
  page(@Caller() actor: Actor, @Query() query: ConversationQuery): Promise<Page<ConversationView>> {
    return this.conversations.page(actor, query);
  }

  /** Start a conversation, with a first message where one is given. */
  @Post()
  @Allow('agent')
  @Idempotent()
  @SendRefusals('The contact has a live conversation on this number (`conversation_already_open`). ')
  @Bodies({
    'with somebody new': { contact_phone: '+5511987650009', contact_name: 'Carla Dias' },
    'with a contact': { contact_id: DEMO.other_contact_id, priority: 'high', tags: ['entrega'] },
    'with a first template': {
      contact_phone: '+5511987650010',
      initial_message: { template: { template_name: DEMO.template_name, parameters: ['Davi', '1043'] } },
    },
  })
  async create(@Caller() actor: Actor, @Body() input: ConversationCreate): Promise<ConversationView> {
    return this.conversations.create(actor, input, await firstDraft(input.initial_message));
  }

  /** Read a conversation. */
  @Get(':conversation_id')
  @Allow('viewer')
  get(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.get(actor, id);
  }

  /**
   * Update a conversation.
   * @throws {404} The conversation, agent or number is not in this organization.
   * @throws {409} Not from here to this status (`invalid_status_transition`, `conversation_not_active`, `conversation_already_open`, `conversation_already_archived`).
   * @throws {422} Also an agent who may not answer (`invalid_agent`).
   */
  @Put(':conversation_id')
  @Allow('agent')
  @Bodies({ 'priority and labels': { priority: 'high', tags: ['entrega'] }, 'another agent': { assigned_agent_id: DEMO.user_id } })
  update(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationUpdate): Promise<ConversationView> {
    return this.conversations.update(actor, id, input);
  }

  /** List a conversation's messages, oldest first; `before` and `after` page by key. */
  @Get(':conversation_id/messages')
  @Allow('viewer')
  @Resource('messages')
  @ApiOkResponse({ type: MessagePage })
  thread(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Query() query: MessageQuery): Promise<Page<MessageResponse>> {
    return this.messages.thread(actor, id, query);
  }

  /** Send a message, or keep a note. */
  @Post(':conversation_id/messages')
  @Allow('agent')
  @Resource('messages')
  @Idempotent()
  @SendRefusals()
  @Bodies({
    'a text': { content: 'Seu pedido saiu para entrega.' },
    'a note for the team': { content: 'Cliente pediu nota fiscal.', is_internal_note: true },
    'a template': { template: { template_name: DEMO.template_name, parameters: ['João', '1042'] } },
    'an answer to a message': { content: 'Chega em 40 minutos.', reply_to_message_id: DEMO.message_id },
    'a file': { message_type: 'document', media_id: DEMO.media_id, media_caption: 'Seu comprovante' },
    'a file at an address': { message_type: 'image', media_url: 'https://padaria.example/bolo.jpg' },
    'a place': { location: { latitude: -23.5614, longitude: -46.6559, name: 'Padaria Demo', address: 'Av. Paulista, 1578' } },
    'a contact card': { contacts: [{ name: 'Entregas', phone: '+5511987650077' }] },
    'reply buttons': {
      interactive: {
        kind: 'buttons',
        body: 'Podemos entregar agora?',
        buttons: [
          { id: 'yes', title: 'Sim' },
          { id: 'later', title: 'Mais tarde' },
        ],
      },
    },
    'a list': {
      interactive: {
        kind: 'list',
        body: 'Qual bolo?',
        button_text: 'Ver bolos',
        sections: [
          {
            rows: [
              { id: 'carrot', title: 'Cenoura' },
              { id: 'corn', title: 'Fubá', description: 'Com goiabada' },
            ],
          },
        ],
      },
    },
  })
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
   * @throws {404} The conversation or the agent is not in this organization.
   * @throws {409} The conversation is neither open nor pending (`conversation_not_active`).
   * @throws {422} Also an agent who may not answer (`invalid_agent`).
   */
  @Post(':conversation_id/assign')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ 'to an agent': { agent_id: DEMO.user_id }, 'to nobody': { agent_id: null } })
  assign(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationAssign): Promise<ConversationView> {
    return this.conversations.assign(actor, id, input.agent_id);
  }

  /**
   * Transfer to an agent, or to wait in a department or a queue. `transfers` remembers it.
   * @throws {404} The conversation, or what is named, is not in this organization.
   * @throws {409} The conversation is neither open nor pending (`conversation_not_active`).
   * @throws {422} Also an agent who may not answer (`invalid_agent`), a department or queue that is switched off, and nothing to transfer to.
   */
  @Post(':conversation_id/transfer')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({
    'to wait in a queue': { queue_id: DEMO.queue_id, note: 'Quer trocar o bolo do pedido 1042' },
    'to wait in a department': { department_id: DEMO.department_id },
    'to an agent': { to_agent_id: DEMO.user_id },
  })
  transfer(
    @Caller() actor: Actor,
    @Param('conversation_id', Uuid) id: string,
    @Body() input: ConversationTransfer,
  ): Promise<ConversationView> {
    return this.conversations.transfer(actor, id, input);
  }

  /** Add labels; those that are there stay. */
  @Post(':conversation_id/tags')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ labels: { tags: ['entrega', 'reclamação'] } })
  addTags(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationTags): Promise<ConversationView> {
    return this.conversations.addTags(actor, id, input.tags);
  }

  /** List the team's notes, oldest first. */
  @Get(':conversation_id/notes')
  @Allow('viewer')
  @Resource('messages')
  @ApiOkResponse({ type: MessagePage })
  notes(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Query() query: NoteQuery): Promise<Page<MessageResponse>> {
    return this.messages.notes(actor, id, query);
  }

  /**
   * Add a note for the team, in any state; it is never sent. Whom it mentions is told.
   * @throws {404} The conversation, or somebody it mentions, is not in this organization.
   */
  @Post(':conversation_id/notes')
  @Allow('agent')
  @Resource('messages')
  @Idempotent()
  @Bodies({
    'a note': { note: 'Cliente pediu nota fiscal.' },
    'for somebody': { note: 'Bruno, confere o pagamento?', mentions: [DEMO.user_id] },
  })
  @ApiCreatedResponse({ type: MessageResponse })
  addNote(
    @Caller() actor: Actor,
    @Param('conversation_id', Uuid) id: string,
    @Body() input: ConversationNoteCreate,
  ): Promise<MessageResponse> {
    return this.messages.addNote(actor, id, input);
  }

  /**
   * Close.
   * @throws {409} It is closed already (`conversation_already_closed`).
   */
  @Post(':conversation_id/close')
  @HttpCode(200)
  @Allow('agent')
  @Bodies({ resolved: {}, 'with a reason': { reason: 'Entregue' }, 'not resolved': { resolved: false } })
  close(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string, @Body() input: ConversationClose): Promise<ConversationView> {
    return this.conversations.close(actor, id, input);
  }

  /**
   * Archive; a live conversation is closed first.
   * @throws {409} It is archived already (`conversation_already_archived`).
   */
  @Post(':conversation_id/archive')
  @HttpCode(200)
  @Allow('agent')
  archive(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.archive(actor, id);
  }

  /**
   * Reopen.
   * @throws {409} It is live (`conversation_not_closed`), or another one with this contact on this number is (`conversation_already_open`).
   */
  @Post(':conversation_id/reopen')
  @HttpCode(200)
  @Allow('agent')
  @ApiParam({ name: 'conversation_id', schema: { type: 'string', example: DEMO.resolved_conversation_id } })
  reopen(@Caller() actor: Actor, @Param('conversation_id', Uuid) id: string): Promise<ConversationView> {
    return this.conversations.reopen(actor, id);
  }
}
