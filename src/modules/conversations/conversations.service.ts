import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import { Actor } from '#common/actor';
import { AppError, Conflict, Invalid, NotFound } from '#common/errors';
import { Facts } from '#events/facts';
import { oneLine } from '#common/one-line';
import { type Page, type Slice, toPage } from '#common/page.dto';
import { matchKey, normalizePhone } from '#common/phone';
import { Database, type Tx } from '#database/database';
import { narrowPeriod } from '#database/narrow-period';
import type { PageOptions } from '#database/tenant-repository';
import { furtherPhone } from '#modules/contacts/contact-identities';
import { Contact } from '#modules/contacts/contact.entity';
import { ContactsService } from '#modules/contacts/contacts.service';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { User, mayAnswer } from '#modules/users/user.entity';
import { UsersService } from '#modules/users/users.service';
import { sendingNumber } from '#modules/whatsapp/numbers/sending-number';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { conversationViews } from './conversation-views';
import { type ConversationQuery, type ConversationView } from './conversation.dto';
import { type ConversationClose, type ConversationCreate, type ConversationUpdate } from './conversation-inputs.dto';
import { Conversation, ConversationStatus } from './conversation.entity';
import type { Draft } from './messages/compose';
import { ReadReceiptJobs } from './messages/read-receipts.jobs';
import { SendMessage } from './messages/send-message';
import { AGENT } from './messages/sender';
import { agentAsked, conversationMatch, conversationsOf, lastSaying, narrowConversations } from './search-conversations';
import { isActive } from './state/active';
import { lockThread } from './state/locking';
import { actOf, archive, assertActive, assign, endAll, liveOf, move, unassignAll } from './state/moves';
import { QUEUE_PRIORITY, open, refuseSecond, route } from './state/opening';
import { enterQueue, leaveQueue, setDepartment } from './state/queueing';
import { addressTo, readAll } from './state/traffic';
import { transfer } from './state/transferring';
import type { ConversationTransfer } from './transfer.dto';

const SORTS: (keyof Conversation & string)[] = [
  'last_message_at',
  'created_at',
  'updated_at',
  'queue_priority',
  'unread_count',
  'queued_at',
];
/** Most are read, and of a medium priority: `conversations_attention_idx` has what is not, and `conversations_priority_idx`. */
const USUAL = { unread_count: { value: 0, is_least: true }, queue_priority: { value: QUEUE_PRIORITY.medium } } as const;
const EXTRA_DATA_MAX_BYTES = 16 * 1024;
const TAGS_MAX = 20;
/** What an organization keeps in extra_data, and a note for whoever gets it, may be of the person. */
const UNTOLD = ['extra_data', 'transfers'];

/** The threads of the shared inbox: list, states, who answers. */
@Injectable()
export class ConversationsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly contacts: ContactsService,
    private readonly organizations: OrganizationsService,
    private readonly users: UsersService,
    private readonly sending: SendMessage,
    private readonly receipts: ReadReceiptJobs,
    private readonly facts: Facts,
  ) {}

  /** A blocked or deleted contact's live conversations end in the same transaction; those of an agent who leaves want another one. */
  onModuleInit(): void {
    this.facts.reader({
      name: 'unassign',
      events: ['user.left'],
      read: async (tx, facts) => {
        for (const { organization_id, data } of facts) await this.unassignAllOf(tx, Actor.system(organization_id), String(data['user_id']));
      },
    });
    this.contacts.onEnd((tx, actor, contact, reason) => this.closeAllOf(tx, actor, contact.id, reason));
  }

  async get(actor: Actor, id: string): Promise<ConversationView> {
    return (await this.views(actor, [id]))[0] ?? notFound();
  }

  /** Views by id, in the order asked; one query. */
  views(actor: Actor, ids: readonly string[]): Promise<ConversationView[]> {
    return conversationViews(this.database, actor, ids);
  }

  page(actor: Actor, query: ConversationQuery): Promise<Page<ConversationView>> {
    const question = [actor.organization_id, 'conversations', agentAsked(actor, query), query] as const;
    return this.database.alike.ask(question, () => this.read(actor, query));
  }

  private async read(actor: Actor, query: ConversationQuery): Promise<Page<ConversationView>> {
    const { items, next_cursor, total } = await this.database
      .repository(Conversation)
      .pageOfIds(actor, orderOf(query), await this.narrowing(actor, query));
    return toPage({ items: await this.views(actor, items), next_cursor }, total, query);
  }

  /** The rows of a page without its count (GraphQL). */
  async items(actor: Actor, query: ConversationQuery): Promise<ConversationView[]> {
    return this.views(actor, (await this.ids(actor, query)).items);
  }

  /** The `cursor` of the page after this one (GraphQL). */
  async nextCursor(actor: Actor, query: ConversationQuery): Promise<string | null> {
    return (await this.ids(actor, query)).next_cursor;
  }

  /** The `limit` conversations of each contact with the latest messages, those first. */
  async latestOf(actor: Actor, contact_ids: readonly string[], limit: number): Promise<ConversationView[][]> {
    const ids = await this.database.rows<{ id: string }>(
      `SELECT v.id FROM unnest($2::uuid[]) AS c(id)
        CROSS JOIN LATERAL (
          SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = c.id
           ORDER BY last_message_at DESC NULLS LAST, id DESC LIMIT $3) v`,
      [actor.organization_id, contact_ids, limit],
    );
    const views = await conversationViews(
      this.database,
      actor,
      ids.map(({ id }) => id),
    );
    const byContact = Map.groupBy(views, ({ contact_id }) => contact_id);
    return contact_ids.map((id) => byContact.get(id) ?? []);
  }

  /** @throws {409} contact_blocked, conversation_already_open (details name it). */
  async create(actor: Actor, input: ConversationCreate, first: Draft | null): Promise<ConversationView> {
    if (!input.contact_id === !input.contact_phone)
      throw Invalid.field('contact_id', 'Give contact_id or contact_phone, and not both', undefined, 'missing');
    const phone = input.contact_phone ? normalizePhone(input.contact_phone) : null;
    if (input.contact_phone && !phone) throw Invalid.field('contact_phone', 'contact_phone is not a phone number', undefined, 'phone');
    const agent = input.assigned_agent_id ? await this.users.getAgent(actor, input.assigned_agent_id) : null;
    return this.database.tx(async (tx) => {
      const contact_id = phone
        ? (await this.contacts.findOrCreateByPhone(actor, phone, { source: 'api', name: input.contact_name }, tx)).id
        : (input.contact_id ?? '');
      const contact = await this.database.repository(Contact, tx).lock(actor, contact_id);
      if (contact.is_blocked) throw new Conflict('contact_blocked', 'The contact is blocked. Unblock it first.');
      const number = input.whatsapp_number_id
        ? await this.database.repository(WhatsAppNumber, tx).get(actor, input.whatsapp_number_id)
        : ((await sendingNumber(this.database, tx, actor, null))?.number ?? null);
      await refuseSecond(tx, actor, contact.id, number?.id ?? null);
      const conversation = await open(tx, actor, contact, number?.id ?? null);
      if (phone) await addressTo(tx, conversation, (await furtherPhone(tx, contact, matchKey(phone))) ?? null);
      await this.database.repository(Conversation, tx).patch(actor, conversation.id, {
        tags: unique(input.tags ?? []),
        ...(input.priority && {
          priority: input.priority,
          queue_priority: route({ contact, priority: input.priority, last_agent_id: null }).queue_priority,
        }),
      });
      const { queue_id, department_id } = input;
      const named = queue_id || department_id ? { queue_id, department_id } : null;
      // Nobody has written yet: without a name only VIPs wait, the number's queue is for who comes to it.
      if (named || !agent) await enterQueue(tx, actor, { ...conversation, whatsapp_number_id: null }, named);
      if (agent) await assign(tx, actor, await this.database.repository(Conversation, tx).get(actor, conversation.id), agent.id);
      const { whatsapp_number_id } = conversation;
      const { status } = conversation;
      const { priority, tags } = input;
      tx.audit(actor, 'conversation.created', {
        resource: { id: conversation.id },
        after: { contact_id, whatsapp_number_id, status, priority, tags, queue_id, department_id, current_agent_id: agent?.id },
        metadata: { contact_id, whatsapp_number_id },
      });
      // In the same transaction: a message that is wrong leaves no conversation behind.
      if (first) await this.firstMessage(tx, actor, conversation.id, first);
      const [created] = await conversationViews(tx, actor, [conversation.id]);
      tx.answer(created);
      return created;
    });
  }

  async update(actor: Actor, id: string, input: ConversationUpdate): Promise<ConversationView> {
    if (input.extra_data && Buffer.byteLength(JSON.stringify(input.extra_data)) > EXTRA_DATA_MAX_BYTES)
      throw Invalid.field('extra_data', 'extra_data may have at most 16 KB');
    for (const field of ['status', 'priority', 'tags', 'extra_data'] as const)
      if (input[field] === null) throw Invalid.field(field, `${field} may not be null`);
    const agent = input.assigned_agent_id ? await this.users.getAgent(actor, input.assigned_agent_id) : null;
    return this.change(
      actor,
      id,
      (before) => wordOf(input, before),
      async (tx, conversation) => {
        const conversations = this.database.repository(Conversation, tx);
        if (input.whatsapp_number_id && input.whatsapp_number_id !== conversation.whatsapp_number_id) {
          if (conversation.whatsapp_number_id) throw Invalid.field('whatsapp_number_id', 'The number of a conversation cannot be changed.');
          await this.database.repository(WhatsAppNumber, tx).get(actor, input.whatsapp_number_id);
          await refuseSecond(tx, actor, conversation.contact_id, input.whatsapp_number_id);
        }
        await conversations.patch(actor, id, {
          ...(input.whatsapp_number_id && { whatsapp_number_id: input.whatsapp_number_id }),
          ...(input.priority && { priority: input.priority, queue_priority: QUEUE_PRIORITY[input.priority] }),
          ...(input.tags && { tags: unique(input.tags) }),
          ...(input.extra_data && { extra_data: input.extra_data }),
        });
        await this.changeQueue(tx, actor, conversation, input);
        if (input.status === 'archived') await archive(tx, actor, conversation);
        else if (input.status) await move(tx, actor, conversation, statusOf(input.status));
        if (input.assigned_agent_id !== undefined) await assign(tx, actor, await conversations.lock(actor, id), agent?.id ?? null);
        // Its state and its agent tell of themselves, as at their own doors; a move that webhooks hear as an update says the rest with it.
        const { status } = await conversations.get(actor, id);
        const is_told = status !== conversation.status && actOf(conversation.status, status) === 'conversation.status';
        if (!is_told && givenOf(input).some((field) => field !== 'status' && field !== 'assigned_agent_id'))
          tx.tell('conversation.updated', { organization_id: actor.organization_id, conversation_id: id, user_id: actor.user_id });
      },
    );
  }

  /** Where it waits, and whose it is. @throws {Conflict} conversation_not_active. @throws {NotFound} @throws {Invalid} */
  private async changeQueue(tx: Tx, actor: Actor, conversation: Conversation, input: ConversationUpdate): Promise<void> {
    const { queue_id, assigned_department_id: department_id } = input;
    if (queue_id === undefined && department_id === undefined) return;
    if (queue_id === null || department_id === null) await leaveQueue(tx, actor, conversation, department_id === null);
    if (!queue_id && !department_id) return;
    if (queue_id && queue_id === conversation.queue_id && !department_id) return;
    assertActive(conversation);
    // A queue takes it from its agent; a department alone does not.
    if (queue_id || !conversation.current_agent_id) await enterQueue(tx, actor, conversation, { queue_id, department_id });
    else if (department_id) await setDepartment(tx, actor, conversation, department_id);
  }

  /** @throws {422} invalid_agent. @throws {409} conversation_not_active. */
  async assign(actor: Actor, id: string, agent_id: string | null): Promise<ConversationView> {
    const agent = agent_id === null ? null : await this.users.getAgent(actor, agent_id);
    return this.change(actor, id, 'conversation.assigned', (tx, conversation) => assign(tx, actor, conversation, agent?.id ?? null));
  }

  /** @throws {422} invalid_agent, nothing to transfer to. @throws {409} conversation_not_active. */
  async transfer(actor: Actor, id: string, input: ConversationTransfer): Promise<ConversationView> {
    if (input.to_agent_id) await this.users.getAgent(actor, input.to_agent_id);
    return this.change(actor, id, 'conversation.transferred', (tx, conversation) => transfer(tx, actor, conversation, input));
  }

  /** @throws {422} More than 20. */
  addTags(actor: Actor, id: string, added: readonly string[]): Promise<ConversationView> {
    return this.change(actor, id, 'conversation.tags_changed', async (tx, conversation) => {
      const tags = unique([...conversation.tags, ...added]);
      if (tags.length > TAGS_MAX) throw Invalid.field('tags', `A conversation has at most ${TAGS_MAX} labels`, undefined, 'arrayMaxSize');
      if (tags.length === conversation.tags.length) return;
      await this.database.repository(Conversation, tx).patch(actor, id, { tags });
      tx.tell('conversation.updated', { organization_id: actor.organization_id, conversation_id: id, user_id: actor.user_id });
    });
  }

  /** @throws {409} conversation_already_closed. */
  close(actor: Actor, id: string, { reason, resolved }: ConversationClose): Promise<ConversationView> {
    return this.change(actor, id, 'conversation.closed', async (tx, conversation) => {
      if (conversation.status === ConversationStatus.closed)
        throw new Conflict('conversation_already_closed', 'The conversation is closed already.');
      await move(tx, actor, conversation, ConversationStatus.closed, {
        close_reason: reason ?? null,
        ...(resolved === false && { resolved_at: conversation.resolved_at }),
      });
    });
  }

  /** @throws {409} conversation_not_closed, conversation_already_open. */
  reopen(actor: Actor, id: string): Promise<ConversationView> {
    return this.change(actor, id, 'conversation.reopened', async (tx, conversation) => {
      if (isActive(conversation) && !conversation.is_archived)
        throw new Conflict('conversation_not_closed', 'The conversation is open already.');
      await refuseSecond(tx, actor, conversation.contact_id, conversation.whatsapp_number_id);
      await move(tx, actor, conversation, ConversationStatus.open, { is_archived: false, archived_at: null });
    });
  }

  /** @throws {409} conversation_already_archived. */
  archive(actor: Actor, id: string): Promise<ConversationView> {
    return this.change(actor, id, 'conversation.archived', (tx, conversation) => archive(tx, actor, conversation));
  }

  async markRead(actor: Actor, id: string): Promise<ConversationView> {
    const { organization_id, user_id } = actor;
    await this.database.tx(async (tx) => {
      const { unread_count } = (await lockThread(tx, actor, id)).conversation;
      await readAll(tx, actor, id);
      const [newest] = await tx.rows<{ id: string }>(
        `SELECT id FROM messages WHERE organization_id = $1 AND conversation_id = $2 AND direction = 'incoming' AND whatsapp_message_id IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1`,
        [organization_id, id],
      );
      if (unread_count > 0) tx.tell('conversation.unread', { organization_id, conversation_id: id, user_id, unread_count: 0 });
      if (newest) this.receipts.wake(tx, { organization_id, message_id: newest.id });
    });
    return this.get(actor, id);
  }

  /** Which of these conversations the actor's organization has (sockets). */
  async among(actor: Actor, ids: readonly string[]): Promise<string[]> {
    return (await this.database.repository(Conversation).many(actor, ids)).map(({ id }) => id);
  }

  /** One act of the actor on a conversation that is locked for it, and what it changed. */
  private async change(
    actor: Actor,
    id: string,
    act: string | ((before: Conversation) => string),
    work: (tx: Tx, conversation: Conversation) => Promise<void>,
  ): Promise<ConversationView> {
    const change = async (tx: Tx): Promise<void> => {
      const { conversation: before } = await lockThread(tx, actor, id);
      await work(tx, before);
      const after = await this.database.repository(Conversation, tx).get(actor, id);
      const word = typeof act === 'string' ? act : act(before);
      tx.audit(actor, word, { resource: { id }, before, after, may_tell: (field) => !UNTOLD.includes(field) });
    };
    await this.database.txInTurn(actor.organization_id, id, change);
    return this.get(actor, id);
  }

  private async ids(actor: Actor, query: ConversationQuery): Promise<Slice<string>> {
    return this.database.repository(Conversation).ids(actor, orderOf(query), await this.narrowing(actor, query));
  }

  private async narrowing(actor: Actor, query: ConversationQuery): Promise<PageOptions<Conversation>> {
    const period = await this.organizations.period(actor, query.from, query.to);
    const narrow = (rows: SelectQueryBuilder<Conversation>): void => {
      narrowConversations(rows, actor, query);
      narrowPeriod(rows, 'row.last_message_at', period);
    };
    const options: PageOptions<Conversation> = { sort: SORTS, usual: USUAL, default_sort: 'last_message_at:desc', refine: narrow };
    const search = query.search?.trim();
    if (!search) return options;
    const list = this.database.repository(Conversation).query(actor, 'row');
    narrow(list);
    const [contact_ids, saying] = await Promise.all([this.contacts.matching(actor, search), lastSaying(this.database, search, list)]);
    if (!contact_ids) return { ...options, common: conversationMatch('row', search), uncounted: true };
    const found = [...(await conversationsOf(this.database, actor, contact_ids)), ...saying];
    return {
      ...options,
      refine: (rows) => {
        narrow(rows);
        rows.andWhere('row.id = ANY(:found)', { found });
      },
    };
  }

  /** Who may no longer answer keeps no live conversation; who may again by now keeps theirs. */
  private async unassignAllOf(tx: Tx, actor: Actor, user_id: string): Promise<void> {
    const user = await this.database.repository(User, tx).find(actor, user_id);
    if (user && mayAnswer(user)) return;
    await unassignAll(tx, actor, await liveOf(tx, actor, { current_agent_id: [user_id] }));
  }

  private async closeAllOf(tx: Tx, actor: Actor, contact_id: string, close_reason: string): Promise<void> {
    await endAll(tx, actor, await liveOf(tx, actor, { contact_id: [contact_id] }), close_reason);
  }

  /** Never makes the creation fail for a provider's reason: what may not be sent is kept as failed. */
  private async firstMessage(tx: Tx, actor: Actor, conversation_id: string, draft: Draft): Promise<void> {
    try {
      await this.sending.toConversation(actor, AGENT, conversation_id, draft, {}, tx);
    } catch (error) {
      if (!(error instanceof AppError) || (error.status !== 409 && error.status !== 429)) throw error;
      await this.sending.keepUnsent(actor, AGENT, conversation_id, draft, error, tx);
    }
  }
}

/** The words of a priority sort by what they weigh. */
const orderOf = (query: ConversationQuery): ConversationQuery => ({
  ...query,
  sort: query.sort?.replace(/^priority(?=:|$)/, 'queue_priority'),
});

/** Each once in whatever case, as it is first spelled. */
function unique(tags: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const tag of tags.map(oneLine).filter(Boolean)) if (!first.has(tag.toLowerCase())) first.set(tag.toLowerCase(), tag);
  return [...first.values()];
}

/** The fields of an update that are there. */
const givenOf = (input: ConversationUpdate): string[] =>
  Object.entries(input).flatMap(([field, value]) => (value === undefined ? [] : [field]));

const statusOf = (word: string): ConversationStatus => (word === 'active' ? ConversationStatus.open : (word as ConversationStatus));

/** An update of one thing is the act that has a door of its own, or a move of the state machine, and is called as it is there. */
function wordOf(input: ConversationUpdate, before: Conversation): string {
  const [field, ...others] = givenOf(input);
  if (others.length) return 'conversation.updated';
  if (field === 'assigned_agent_id') return 'conversation.assigned';
  if (field === 'tags') return 'conversation.tags_changed';
  if (input.status === 'archived') return 'conversation.archived';
  if (input.status) return actOf(before.status, statusOf(input.status));
  return 'conversation.updated';
}

function notFound(): never {
  throw new NotFound('Conversation');
}
