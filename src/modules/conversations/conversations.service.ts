import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { Actor } from '#common/actor';
import { AppError, Conflict, Invalid, NotFound } from '#common/errors';
import { EventBus } from '#common/events';
import { oneLine } from '#common/one-line';
import { type Page, toPage } from '#common/page.dto';
import { normalizePhone } from '#common/phone';
import { Database, type Tx } from '#database/database';
import { narrowPeriod } from '#database/narrow-period';
import type { PageOptions } from '#database/tenant-repository';
import { Contact } from '#modules/contacts/contact.entity';
import { ContactsService } from '#modules/contacts/contacts.service';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { User } from '#modules/users/user.entity';
import { UsersService } from '#modules/users/users.service';
import { sendingNumber } from '#modules/whatsapp/numbers/sending-number';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { conversationViews } from './conversation-views';
import {
  type ConversationClose,
  type ConversationCreate,
  type ConversationQuery,
  type ConversationUpdate,
  type ConversationView,
} from './conversation.dto';
import { Conversation, ConversationPriority, ConversationStatus } from './conversation.entity';
import type { Draft } from './messages/compose';
import { SendMessage } from './messages/send-message';
import { conversationMatch, conversationsOf, lastSaying, narrowConversations } from './search-conversations';

const SORTS: (keyof Conversation & string)[] = ['last_message_at', 'created_at', 'updated_at', 'queue_priority', 'unread_count', 'queued_at'];
const EXTRA_DATA_MAX_BYTES = 16 * 1024;
const QUEUE_PRIORITY: Record<ConversationPriority, number> = { low: 10, medium: 50, high: 80, urgent: 100 };

/** Contract 20, 3.3: where each status may go. A status to itself is a no-op. */
const MOVES: Record<ConversationStatus, readonly ConversationStatus[]> = {
  open: [ConversationStatus.pending, ConversationStatus.resolved, ConversationStatus.closed],
  pending: [ConversationStatus.open, ConversationStatus.resolved, ConversationStatus.closed],
  resolved: [ConversationStatus.open, ConversationStatus.closed],
  closed: [ConversationStatus.open],
};

const isActive = ({ status }: Conversation): boolean => status === ConversationStatus.open || status === ConversationStatus.pending;

/** The threads of the shared inbox: list, states, who answers. */
@Injectable()
export class ConversationsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly contacts: ContactsService,
    private readonly organizations: OrganizationsService,
    private readonly users: UsersService,
    private readonly sending: SendMessage,
    private readonly events: EventBus,
  ) {}

  /** A blocked or deleted contact's live conversations end in the same transaction. */
  onModuleInit(): void {
    this.contacts.onEnd((tx, actor, contact, reason) => this.closeAllOf(tx, actor, contact.id, reason));
    this.events.on('user.left', ({ organization_id, user_id }) => this.unassignAllOf(Actor.system(organization_id), user_id));
  }

  async get(actor: Actor, id: string): Promise<ConversationView> {
    return (await this.views(actor, [id]))[0] ?? notFound();
  }

  /** Views by id, in the order asked; one query. */
  views(actor: Actor, ids: readonly string[]): Promise<ConversationView[]> {
    return conversationViews(this.database, actor, ids);
  }

  async page(actor: Actor, query: ConversationQuery): Promise<Page<ConversationView>> {
    const { items, next_cursor, total } = await this.database
      .repository(Conversation)
      .pageOfIds(actor, orderOf(query), await this.narrowing(actor, query));
    return toPage({ items: await this.views(actor, items), next_cursor }, total, query);
  }

  /** The rows of a page without its count (GraphQL). */
  async items(actor: Actor, query: ConversationQuery): Promise<ConversationView[]> {
    const { items } = await this.database.repository(Conversation).ids(actor, orderOf(query), await this.narrowing(actor, query));
    return this.views(actor, items);
  }

  /** @throws {409} contact_blocked, conversation_already_open (details name it). */
  async create(actor: Actor, input: ConversationCreate, first: Draft | null): Promise<ConversationView> {
    if (!input.contact_id === !input.contact_phone)
      throw Invalid.field('contact_id', 'Give contact_id or contact_phone, and not both', undefined, 'missing');
    const phone = input.contact_phone ? normalizePhone(input.contact_phone) : null;
    if (input.contact_phone && !phone) throw Invalid.field('contact_phone', 'contact_phone is not a phone number', undefined, 'phone');
    const agent = input.assigned_agent_id ? await this.users.getAgent(actor, input.assigned_agent_id) : null;
    const id = await this.database.tx(async (tx) => {
      const contact_id = phone
        ? (await this.contacts.findOrCreateByPhone(actor, phone, { source: 'api', name: input.contact_name }, tx)).id
        : (input.contact_id ?? '');
      const contact = await this.database.repository(Contact, tx).lock(actor, contact_id);
      if (contact.is_blocked) throw new Conflict('contact_blocked', 'The contact is blocked. Unblock it first.');
      const number = input.whatsapp_number_id
        ? await this.database.repository(WhatsAppNumber, tx).get(actor, input.whatsapp_number_id)
        : ((await sendingNumber(this.database, tx, actor, null))?.number ?? null);
      await this.refuseSecond(tx, actor, contact.id, number?.id ?? null);
      const conversation = await this.sending.openConversation(tx, actor, contact, number);
      await this.database.repository(Conversation, tx).patch(actor, conversation.id, {
        tags: unique(input.tags ?? []),
        ...(input.priority && { priority: input.priority, queue_priority: contact.is_vip ? 100 : QUEUE_PRIORITY[input.priority] }),
        ...(agent && { current_agent_id: agent.id, assigned_at: new Date() }),
      });
      // In the same transaction: a message that is wrong leaves no conversation behind.
      if (first) await this.firstMessage(tx, actor, conversation.id, first);
      return conversation.id;
    });
    return this.get(actor, id);
  }

  async update(actor: Actor, id: string, input: ConversationUpdate): Promise<ConversationView> {
    if (input.extra_data && Buffer.byteLength(JSON.stringify(input.extra_data)) > EXTRA_DATA_MAX_BYTES)
      throw Invalid.field('extra_data', 'extra_data may have at most 16 KB');
    for (const field of ['status', 'priority', 'tags', 'extra_data'] as const)
      if (input[field] === null) throw Invalid.field(field, `${field} may not be null`);
    const agent = input.assigned_agent_id ? await this.users.getAgent(actor, input.assigned_agent_id) : null;
    await this.database.tx(async (tx) => {
      const conversations = this.database.repository(Conversation, tx);
      const conversation = await this.lock(tx, actor, id);
      if (input.whatsapp_number_id && input.whatsapp_number_id !== conversation.whatsapp_number_id) {
        if (conversation.whatsapp_number_id) throw Invalid.field('whatsapp_number_id', 'The number of a conversation cannot be changed.');
        await this.database.repository(WhatsAppNumber, tx).get(actor, input.whatsapp_number_id);
        await this.refuseSecond(tx, actor, conversation.contact_id, input.whatsapp_number_id);
      }
      await conversations.patch(actor, id, {
        ...(input.whatsapp_number_id && { whatsapp_number_id: input.whatsapp_number_id }),
        ...(input.priority && { priority: input.priority, queue_priority: QUEUE_PRIORITY[input.priority] }),
        ...(input.tags && { tags: unique(input.tags) }),
        ...(input.extra_data && { extra_data: input.extra_data }),
      });
      if (input.status === 'archived') await this.archiveWithin(tx, actor, conversation);
      else if (input.status)
        await this.moveWithin(
          tx,
          actor,
          conversation,
          input.status === 'active' ? ConversationStatus.open : (input.status as ConversationStatus),
          {},
        );
      if (input.assigned_agent_id !== undefined) await this.assignWithin(tx, actor, await conversations.lock(actor, id), agent);
      tx.afterCommit(() =>
        this.events.emit('conversation.updated', { organization_id: actor.organization_id, conversation_id: id, user_id: actor.user_id }),
      );
    });
    return this.get(actor, id);
  }

  /** @throws {422} invalid_agent. @throws {409} conversation_not_active. */
  async assign(actor: Actor, id: string, agent_id: string | null): Promise<ConversationView> {
    const agent = agent_id === null ? null : await this.users.getAgent(actor, agent_id);
    await this.database.tx(async (tx) => this.assignWithin(tx, actor, await this.lock(tx, actor, id), agent));
    return this.get(actor, id);
  }

  /** @throws {409} conversation_already_closed. */
  async close(actor: Actor, id: string, { reason, resolved = true }: ConversationClose): Promise<ConversationView> {
    await this.database.tx(async (tx) => {
      const conversation = await this.lock(tx, actor, id);
      if (conversation.status === ConversationStatus.closed)
        throw new Conflict('conversation_already_closed', 'The conversation is closed already.');
      await this.moveWithin(tx, actor, conversation, ConversationStatus.closed, {
        close_reason: reason ?? null,
        ...(!resolved && { resolved_at: conversation.resolved_at }),
      });
    });
    return this.get(actor, id);
  }

  /** @throws {409} conversation_not_closed, conversation_already_open. */
  async reopen(actor: Actor, id: string): Promise<ConversationView> {
    await this.database.tx(async (tx) => {
      const conversation = await this.lock(tx, actor, id);
      if (isActive(conversation) && !conversation.is_archived)
        throw new Conflict('conversation_not_closed', 'The conversation is open already.');
      await this.refuseSecond(tx, actor, conversation.contact_id, conversation.whatsapp_number_id);
      await this.moveWithin(tx, actor, conversation, ConversationStatus.open, { is_archived: false, archived_at: null });
    });
    return this.get(actor, id);
  }

  /** @throws {409} conversation_already_archived. */
  async archive(actor: Actor, id: string): Promise<ConversationView> {
    await this.database.tx(async (tx) => this.archiveWithin(tx, actor, await this.lock(tx, actor, id)));
    return this.get(actor, id);
  }

  async markRead(actor: Actor, id: string): Promise<ConversationView> {
    const { organization_id, user_id } = actor;
    await this.database.tx(async (tx) => {
      const conversations = this.database.repository(Conversation, tx);
      const { unread_count } = await this.lock(tx, actor, id);
      await conversations.patch(actor, id, { unread_count: 0, last_read_at: new Date() });
      const [newest] = await tx.rows<{ id: string }>(
        `SELECT id FROM messages WHERE organization_id = $1 AND conversation_id = $2 AND direction = 'incoming' AND whatsapp_message_id IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1`,
        [organization_id, id],
      );
      tx.afterCommit(() => {
        if (unread_count > 0) this.events.emit('conversation.unread', { organization_id, conversation_id: id, user_id, unread_count: 0 });
        if (newest) this.events.emit('message.read_here', { organization_id, message_id: newest.id });
      });
    });
    return this.get(actor, id);
  }

  /** Whether the actor's organization has this conversation (sockets). */
  async has(actor: Actor, id: string): Promise<boolean> {
    return (await this.database.repository(Conversation).find(actor, id)) !== null;
  }

  /** For a change: contact and conversation, locked in the order sending does. @throws {NotFound} The contact was deleted; its past is only read. */
  private async lock(tx: Tx, actor: Actor, id: string): Promise<Conversation> {
    const conversations = this.database.repository(Conversation, tx);
    const { contact_id } = await conversations.get(actor, id);
    await this.database.repository(Contact, tx).lock(actor, contact_id);
    return conversations.lock(actor, id);
  }

  private async narrowing(actor: Actor, query: ConversationQuery): Promise<PageOptions<Conversation>> {
    const period = await this.organizations.period(actor, query.from, query.to);
    const narrow = (rows: SelectQueryBuilder<Conversation>): void => {
      narrowConversations(rows, actor, query);
      narrowPeriod(rows, 'row.last_message_at', period);
    };
    const options: PageOptions<Conversation> = { sort: SORTS, default_sort: 'last_message_at:desc', refine: narrow };
    const search = query.search?.trim();
    if (!search) return options;
    const list = this.database.repository(Conversation).query(actor, 'row');
    narrow(list);
    const [contact_ids, saying] = await Promise.all([this.contacts.matching(actor, search), lastSaying(this.database, search, list)]);
    if (!contact_ids) return { ...options, common: conversationMatch('row', search) };
    const found = [...(await conversationsOf(this.database, actor, contact_ids)), ...saying];
    return {
      ...options,
      refine: (rows) => {
        narrow(rows);
        rows.andWhere('row.id = ANY(:found)', { found });
      },
    };
  }

  private async assignWithin(tx: Tx, actor: Actor, conversation: Conversation, agent: User | null): Promise<void> {
    if (!isActive(conversation))
      throw new Conflict('conversation_not_active', `The conversation is ${conversation.status}. Reopen it first.`);
    const previous_agent_id = conversation.current_agent_id;
    if (previous_agent_id === (agent?.id ?? null)) return;
    await this.database.repository(Conversation, tx).patch(
      actor,
      conversation.id,
      agent
        ? {
            current_agent_id: agent.id,
            assigned_at: new Date(),
            status: ConversationStatus.open,
            is_bot_active: false,
            ...(conversation.is_bot_active && { handoff_at: new Date() }),
          }
        : { current_agent_id: null },
    );
    tx.afterCommit(() =>
      this.events.emit('conversation.assigned', {
        organization_id: actor.organization_id,
        conversation_id: conversation.id,
        user_id: actor.user_id,
        agent_id: agent?.id ?? null,
        previous_agent_id,
      }),
    );
  }

  private async archiveWithin(tx: Tx, actor: Actor, conversation: Conversation): Promise<void> {
    if (conversation.is_archived) throw new Conflict('conversation_already_archived', 'The conversation is archived already.');
    if (isActive(conversation)) await this.moveWithin(tx, actor, conversation, ConversationStatus.closed, { close_reason: 'archived' });
    await this.database.repository(Conversation, tx).patch(actor, conversation.id, { is_archived: true, archived_at: new Date() });
    tx.afterCommit(() =>
      this.events.emit('conversation.updated', {
        organization_id: actor.organization_id,
        conversation_id: conversation.id,
        user_id: actor.user_id,
      }),
    );
  }

  /** One move of the state machine with what it sets. */
  private async moveWithin(
    tx: Tx,
    actor: Actor,
    conversation: Conversation,
    to: ConversationStatus,
    more: Partial<Conversation>,
  ): Promise<void> {
    const { status: from, id } = conversation;
    const conversations = this.database.repository(Conversation, tx);
    if (from === to) {
      await conversations.patch(actor, id, more);
      return;
    }
    if (!MOVES[from].includes(to)) throw new Conflict('invalid_status_transition', `A conversation that is ${from} cannot become ${to}.`);
    const now = new Date();
    const since = conversation.reopened_at ?? conversation.created_at;
    const over = { resolution_time_seconds: Math.max(0, Math.round((now.getTime() - since.getTime()) / 1000)), is_bot_active: false };
    const effects: Partial<Record<ConversationStatus, Partial<Conversation>>> = {
      resolved: { resolved_at: now, ...over },
      closed: { closed_at: now, resolved_at: conversation.resolved_at ?? now, ...over },
      open:
        from === ConversationStatus.pending
          ? {}
          : { resolved_at: null, closed_at: null, close_reason: null, reopened_at: now, is_archived: false, archived_at: null },
    };
    if (to === ConversationStatus.open && !isActive(conversation))
      await this.refuseSecond(tx, actor, conversation.contact_id, conversation.whatsapp_number_id);
    await conversations.patch(actor, id, { status: to, ...effects[to], ...more });
    tx.afterCommit(() =>
      this.events.emit('conversation.status', {
        organization_id: actor.organization_id,
        conversation_id: id,
        user_id: actor.user_id,
        status: to,
        previous_status: from,
      }),
    );
  }

  /** Who may no longer answer keeps no live conversation. */
  private async unassignAllOf(actor: Actor, user_id: string): Promise<void> {
    const live = await this.database
      .repository(Conversation)
      .query(actor, 'row')
      .andWhere('row.current_agent_id = :user_id', { user_id })
      .andWhere("row.status IN ('open', 'pending')")
      .getMany();
    for (const { id } of live)
      await this.database.tx(async (tx) => {
        const conversation = await this.database.repository(Conversation, tx).lock(actor, id);
        if (isActive(conversation) && conversation.current_agent_id === user_id) await this.assignWithin(tx, actor, conversation, null);
      });
  }

  private async closeAllOf(tx: Tx, actor: Actor, contact_id: string, reason: string): Promise<void> {
    const live = await this.database
      .repository(Conversation, tx)
      .query(actor, 'row')
      .andWhere('row.contact_id = :contact_id', { contact_id })
      .andWhere("row.status IN ('open', 'pending')")
      .orderBy('row.id')
      .setLock('pessimistic_write')
      .getMany();
    for (const conversation of live) await this.moveWithin(tx, actor, conversation, ConversationStatus.closed, { close_reason: reason });
  }

  /** One live conversation per contact and number. */
  private async refuseSecond(tx: Tx, actor: Actor, contact_id: string, whatsapp_number_id: string | null): Promise<void> {
    if (!whatsapp_number_id) return;
    const other = await this.database
      .repository(Conversation, tx)
      .query(actor, 'row')
      .andWhere('row.contact_id = :contact_id AND row.whatsapp_number_id = :whatsapp_number_id', { contact_id, whatsapp_number_id })
      .andWhere("row.status IN ('open', 'pending')")
      .getOne();
    if (other)
      throw new Conflict('conversation_already_open', 'This contact has a live conversation on this number already.', {
        details: [{ loc: ['body', 'contact_id'], msg: 'already open', type: 'conversation_already_open', existing_id: other.id }],
      });
  }

  /** Never makes the creation fail for a provider's reason: what may not be sent is kept as failed. */
  private async firstMessage(tx: Tx, actor: Actor, conversation_id: string, draft: Draft): Promise<void> {
    try {
      await this.sending.toConversation(actor, conversation_id, draft, {}, tx);
    } catch (error) {
      if (!(error instanceof AppError) || (error.status !== 409 && error.status !== 429)) throw error;
      await this.sending.keepUnsent(actor, conversation_id, draft, error, tx);
    }
  }
}

/** The words of a priority sort by what they weigh. */
const orderOf = (query: ConversationQuery): ConversationQuery => ({ ...query, sort: query.sort?.replace(/^priority(?=:|$)/, 'queue_priority') });

const unique = (tags: readonly string[]): string[] => [
  ...new Map(
    tags
      .map(oneLine)
      .filter(Boolean)
      .map((tag) => [tag.toLowerCase(), tag]),
  ).values(),
];

function notFound(): never {
  throw new NotFound('Conversation');
}
