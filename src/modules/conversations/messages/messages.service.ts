import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { type Page, type PageQuery, type Slice, type Total, parseSort, toPage } from '#common/page.dto';
import { isDayOrInstant } from '#common/period';
import { isUuid } from '#common/uuid';
import { Database } from '#database/database';
import { narrowPeriod } from '#database/narrow-period';
import type { Condition } from '#database/sql';
import type { PageOptions, TenantRepository } from '#database/tenant-repository';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { contactIsThere } from '../contact-is-there';
import { Conversation } from '../conversation.entity';
import type { Draft } from './compose';
import { Message, MessageDirection, type MessageMedia, MessageStatus, MessageType } from './message.entity';
import type { ConversationNoteCreate } from './note.dto';
import { type MessageResponse, presentMessage } from './message.dto';
import type { MessageHistoryQuery, MessageQuery, NoteQuery } from './message-query.dto';
import { ReadReceiptJobs } from './read-receipts.jobs';
import { SAYS, type SearchWords, searchWords } from './search-words';
import { type Narrow, SearchMessages } from './search-messages';
import { SendMessage, sentAgainAlready } from './send-message';
import type { MessageSendRequest } from './send.dto';
import type { MessageStatusAnswer, StatusHistoryEntry } from './send-answers.dto';
import { AGENT } from './sender';
import { readUpTo } from '../state/traffic';

/** Reading messages, and what an agent may still do to one. */
@Injectable()
export class MessagesService {
  constructor(
    private readonly database: Database,
    private readonly sending: SendMessage,
    private readonly receipts: ReadReceiptJobs,
    private readonly media: MediaService,
    private readonly organizations: OrganizationsService,
    private readonly search: SearchMessages,
  ) {}

  async get(actor: Actor, id: string): Promise<MessageResponse> {
    return presentMessage(await this.database.repository(Message).get(actor, id));
  }

  /** A conversation's messages, oldest first unless asked otherwise. */
  async thread(actor: Actor, conversation_id: string, query: MessageQuery): Promise<Page<MessageResponse>> {
    await this.database.repository(Conversation).get(actor, conversation_id);
    return this.list(actor, { ...query, conversation_id, sort: query.sort ?? 'created_at:asc' });
  }

  /** What the team noted in a conversation, oldest first unless asked otherwise. */
  notes(actor: Actor, conversation_id: string, query: NoteQuery): Promise<Page<MessageResponse>> {
    return this.thread(actor, conversation_id, { ...query, message_type: MessageType.note });
  }

  async addNote(actor: Actor, conversation_id: string, { note, mentions }: ConversationNoteCreate): Promise<MessageResponse> {
    return presentMessage(await this.sending.note(actor, conversation_id, note, mentions));
  }

  /** All messages of the organization, newest first unless asked otherwise. */
  async list(actor: Actor, query: MessageHistoryQuery): Promise<Page<MessageResponse>> {
    const messages = this.database.repository(Message);
    const period = await this.organizations.period(actor, query.from, query.to);
    const sides = await this.sides(actor, query);
    if (isSearch(query)) this.search.check(listed(query));
    const sought = isSearch(query) ? await searchWords(this.database, query.search) : undefined;
    if (sought === null) return toPage({ items: [], next_cursor: null }, { total: 0, is_estimate: false }, query);
    const narrow = (rows: SelectQueryBuilder<Message>): void => {
      this.filter(rows, query, sought);
      narrowPeriod(rows, 'row.created_at', period);
    };
    const { items, next_cursor, total } = await this.places(actor, query, sides, { sort: ['created_at'], refine: narrow }, (rows) => {
      if (query.conversation_id) rows.andWhere('row.conversation_id = :conversation_id', { conversation_id: query.conversation_id });
      narrowPeriod(rows, 'row.created_at', period);
    });
    return toPage({ items: (await messages.many(actor, items)).map(presentMessage), next_cursor }, total, query);
  }

  /** `timed`: what of the list its index in the order of time knows; words are looked for along that, or by their own. */
  private async places(
    actor: Actor,
    query: MessageHistoryQuery,
    sides: readonly Condition[],
    options: PageOptions<Message> & { refine: Narrow },
    timed: Narrow,
  ): Promise<Slice<string> & { total: Total }> {
    const messages = this.database.repository(Message);
    if (sides.length)
      return isSearch(query)
        ? this.search.bounded(actor, (tx) => beside(this.database.repository(Message, tx), actor, query, sides, options))
        : beside(messages, actor, query, sides, options);
    if (!isSearch(query)) return messages.pageOfIds(actor, listed(query), options);
    return this.search.places(actor, listed(query), { list: query.contact_id ? null : timed, matching: options.refine });
  }

  /** The newest messages of several conversations, oldest first, in one query (GraphQL). */
  async newestOf(actor: Actor, conversation_ids: readonly string[], limit: number, before?: string): Promise<MessageResponse[][]> {
    const anchor = before ? await this.database.repository(Message).find(actor, before) : null;
    const ids = await this.database.rows<{ id: string }>(
      `SELECT m.id FROM unnest($2::uuid[]) AS c(id)
        CROSS JOIN LATERAL (
          SELECT id FROM messages v WHERE v.organization_id = $1 AND v.conversation_id = c.id AND v.message_type <> 'reaction' AND ($4::timestamptz IS NULL OR (v.created_at, v.id) < ($4, $5::uuid))
           ORDER BY v.created_at DESC, v.id DESC LIMIT $3) m`,
      [actor.organization_id, conversation_ids, limit, anchor?.created_at ?? null, anchor?.id ?? null],
    );
    const rows = await this.database.repository(Message).many(
      actor,
      ids.map((row) => row.id),
    );
    rows.sort((a, b) => a.created_at.getTime() - b.created_at.getTime() || (a.id < b.id ? -1 : 1));
    const byConversation = Map.groupBy(rows, (row) => row.conversation_id);
    return conversation_ids.map((id) => (byConversation.get(id) ?? []).map(presentMessage));
  }

  /** Sends into a conversation, or keeps a note there. */
  async send(actor: Actor, conversation_id: string, draft: Draft, input: MessageSendRequest): Promise<MessageResponse> {
    const sent = input.is_internal_note
      ? await this.sending.note(actor, conversation_id, draft.content ?? '')
      : await this.sending.toConversation(actor, AGENT, conversation_id, draft, input);
    return presentMessage(sent);
  }

  /** Streams a message's file. */
  async file(actor: Actor, id: string, request: Request, response: Response): Promise<void> {
    const { id: media_id } = await this.mediaOf(actor, id);
    await this.media.respond(actor, media_id, request, response);
  }

  /** Streams the thumbnail of a message's image. */
  async thumbnail(actor: Actor, id: string, request: Request, response: Response): Promise<void> {
    const { id: media_id, has_thumbnail } = await this.mediaOf(actor, id);
    if (has_thumbnail === undefined) await this.media.makeThumbnail(actor, media_id);
    await this.media.respondThumbnail(actor, media_id, request, response);
  }

  private async mediaOf(actor: Actor, id: string): Promise<MessageMedia> {
    const { media, is_deleted } = await this.database.repository(Message).get(actor, id);
    if (!media || is_deleted) throw new NotFound('File of this message');
    return media;
  }

  /** What became of a message. */
  async status(actor: Actor, id: string): Promise<MessageStatusAnswer> {
    const message = await this.database.repository(Message).get(actor, id);
    const status_history = await this.database.rows<StatusHistoryEntry>(
      'SELECT status, "timestamp", source FROM message_status_events WHERE organization_id = $1 AND message_id = $2 ORDER BY "timestamp", id',
      [actor.organization_id, id],
    );
    const { status, whatsapp_message_id, sent_at, delivered_at, read_at, failed_at, error_code, error_message, pricing } = message;
    return {
      message_id: id,
      status,
      whatsapp_message_id,
      sent_at,
      delivered_at,
      read_at,
      failed_at,
      error_code,
      error_message,
      pricing,
      status_history,
    };
  }

  /** Reads this message and all older ones of the conversation, as WhatsApp does. */
  async markRead(actor: Actor, id: string): Promise<MessageResponse> {
    const message = await this.database.repository(Message).get(actor, id);
    if (message.direction !== MessageDirection.incoming) throw new Conflict('not_incoming', 'Only incoming messages can be marked read.');
    const { organization_id, user_id } = actor;
    const { conversation_id } = message;
    await this.database.tx(async (tx) => {
      const unread_count = await readUpTo(tx, message);
      if (unread_count !== undefined) tx.tell('conversation.unread', { organization_id, conversation_id, user_id, unread_count });
      this.receipts.wake(tx, { organization_id, message_id: id });
    });
    return presentMessage(message);
  }

  /** @throws {409} message_not_reactable, then as every send. */
  async react(actor: Actor, id: string, emoji: string): Promise<MessageResponse> {
    return presentMessage(await this.sending.react(actor, id, emoji));
  }

  /** A failed message once more, as a new one. */
  async resend(actor: Actor, id: string): Promise<MessageResponse> {
    const message = await this.database.repository(Message).get(actor, id);
    if (message.resent_as_id) throw sentAgainAlready();
    const { direction, status, message_type } = message;
    if (direction !== MessageDirection.outgoing || status !== MessageStatus.failed || message_type === MessageType.reaction)
      throw new Conflict('message_not_failed', 'Only a failed outgoing message can be sent again.');
    const { template_id, payload } = message;
    const draft: Draft = {
      message_type: message.message_type,
      content: message.content,
      payload: message.payload,
      media_id: message.media?.id,
      template: template_id
        ? { template_id, language: String(payload.language ?? ''), components: payload.components as Record<string, unknown>[] }
        : undefined,
    };
    const sent = await this.sending.toConversation(actor, AGENT, message.conversation_id, draft, {
      reply_to_message_id: message.reply_to_message_id ?? undefined,
      client_reference: message.client_reference ?? undefined,
      resent_from: message,
    });
    return presentMessage(sent);
  }

  private filter(rows: SelectQueryBuilder<Message>, query: MessageHistoryQuery, sought: SearchWords | undefined): void {
    const equals = (column: string, value: string | undefined): void =>
      void (value && rows.andWhere(`row.${column} = :${column}`, { [column]: value }));
    equals('conversation_id', query.conversation_id);
    if (!query.conversation_id) rows.andWhere(contactIsThere('row'));
    equals('contact_id', query.contact_id);
    equals('whatsapp_number_id', query.whatsapp_number_id);
    equals('message_type', query.message_type);
    equals('direction', query.direction === 'inbound' ? 'incoming' : query.direction === 'outbound' ? 'outgoing' : query.direction);
    if (query.status) rows.andWhere('row.status = ANY(:status)', { status: query.status.split(',') });
    // Reactions stand at the messages they are to; those of the team are rows too, which say what became of them.
    if (query.message_type !== MessageType.reaction) rows.andWhere('row.message_type <> :reaction', { reaction: MessageType.reaction });
    if (query.include_notes === false) rows.andWhere('row.message_type <> :note', { note: MessageType.note });
    // Words that say nothing ("de", "o") find nothing.
    if (sought) rows.andWhere(SAYS, { words: sought.words });
  }

  /** What `before` and `after` leave of a list. @throws {Invalid} @throws {NotFound} */
  private async sides(actor: Actor, { before, after }: MessageHistoryQuery): Promise<Condition[]> {
    const sides = [await this.side(actor, 'before', '<', before), await this.side(actor, 'after', '>', after)];
    return sides.filter((side) => side !== null);
  }

  private async side(actor: Actor, name: 'before' | 'after', beyond: '<' | '>', where: string | undefined): Promise<Condition | null> {
    if (where === undefined) return null;
    if (!isUuid(where)) {
      if (!isDayOrInstant(where)) throw Invalid.query(name, 'Give a message id or an ISO time.');
      return { sql: `row.created_at ${beyond} :${name}`, values: { [name]: new Date(where) } };
    }
    const message = await this.database.repository(Message).find(actor, where);
    if (!message) throw new NotFound('Message');
    return {
      sql: `(row.created_at, row.id) ${beyond} (:${name}, :${name}_id)`,
      values: { [name]: message.created_at, [`${name}_id`]: where },
    };
  }
}

/** The list a query asks for, newest first unless it says otherwise. */
const listed = ({ skip, limit, page, cursor, search, sort = 'created_at:desc' }: MessageHistoryQuery): PageQuery & { sort: string } => ({
  skip,
  limit,
  page,
  cursor,
  search,
  sort,
});

const isSearch = <T extends { search?: string }>(query: T): query is T & { search: string } => Boolean(query.search?.trim());

/** `before` and `after` name a neighbourhood: the messages next to it, whichever way they are then shown; and how many the whole list has. */
async function beside(
  messages: TenantRepository<Message>,
  actor: Actor,
  query: MessageHistoryQuery,
  sides: readonly Condition[],
  options: PageOptions<Message>,
): Promise<Slice<string> & { total: Total }> {
  const bounded: PageOptions<Message> = {
    ...options,
    refine: (rows) => {
      options.refine?.(rows);
      for (const side of sides) rows.andWhere(side.sql, side.values);
    },
  };
  const { sort } = listed(query);
  const nearest = query.cursor !== undefined ? sort : query.before === undefined ? 'created_at:asc' : 'created_at:desc';
  const { items, next_cursor } = await messages.ids(actor, { limit: query.limit, cursor: query.cursor, sort: nearest }, bounded);
  const total = await messages.total(actor, listed(query), options);
  // What follows the last one shown is where it began.
  return parseSort(sort, ['created_at'])[1] === parseSort(nearest, ['created_at'])[1]
    ? { items, next_cursor, total }
    : { items: items.reverse(), next_cursor: null, total };
}
