import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { pageWindow, parseSort, toPage } from '#common/page.dto';
import { Turns } from '#common/turns';
import { Database, type Tx } from '#database/database';
import { Keyset, type Place } from '#database/keyset';
import { narrowPeriod } from '#database/narrow-period';
import { prepared } from '#database/sql';
import { SEARCH_MAX, totalOf } from '#database/total';
import { displayName } from '#modules/contacts/present-contact';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { contactIsThere } from '../contact-is-there';
import { Message } from './message.entity';
import { presentMessage } from './message.dto';
import type { FoundContact, FoundMessage, MessageSearchPage, MessageSearchQuery } from './message-search.dto';
import { snippetOf, wordsOf } from './snippet';

/** A search takes no longer, whatever it asks for; nor do more run at once, of one organization half of them. */
const TIMEOUT_MS = 3000;
const AT_ONCE = 4;
/** Nobody turns so many pages; `cursor` goes as far as there is anything. */
const SKIP_MAX = 10_000;
/** The first slice of the list has so many messages, each next one is so many times as long. */
const SLICE = 1000;
const SLICE_GROWTH = 10;
const SLICES_MAX = 12;
/** Of shorter words the beginning says too little: they are found whole. */
const BEGUN_MIN = 3;

/** By the index of the words alone: an order would have the planner read the list itself, message by message, where it takes a word to be common. */
const BY_WORDS = `SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off`;

const LEXEMES = prepared(`SELECT nullif(plainto_tsquery('portuguese', fold($1))::text, '') AS lexemes`);

const MARKED = prepared(`SELECT w.word FROM unnest($1::text[]) AS w(word) WHERE to_tsvector('portuguese', fold(w.word)) @@ $2::tsquery`);

const CONTACTS = prepared(
  'SELECT id, name, whatsapp_name, username, whatsapp_id FROM contacts WHERE organization_id = $1 AND id = ANY($2)',
);

type Named = Parameters<typeof displayName>[0] & { id: string };

/** A stretch of the list: from one time on, before another; null: without end there. */
interface Slice {
  from: Date | null;
  before: Date | null;
}

/** Full text over all messages: Portuguese, without accents, notes and what was deleted aside. */
@Injectable()
export class SearchMessages {
  private readonly turns = new Turns(AT_ONCE, { shared: true, line_max: 20, wait_ms: 10_000 });

  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  /** @throws {Unavailable} `busy`: it took too long, or too many search at once. */
  async page(actor: Actor, query: MessageSearchQuery): Promise<MessageSearchPage> {
    const { skip, limit } = pageWindow(query);
    if (skip > SKIP_MAX) throw Invalid.query('skip', `skip may be at most ${SKIP_MAX}; go on with cursor.`);
    const keyset = this.keyset(query);
    const place = query.cursor === undefined ? null : keyset.place(query.cursor);
    const [{ lexemes }] = await this.database.rows<{ lexemes: string | null }>(LEXEMES, [query.search]);
    // Words that say nothing ("de", "o") find nothing.
    if (!lexemes) return toPage({ items: [], next_cursor: null }, { total: 0, is_estimate: false }, query);
    const begun = (/[\p{L}\p{N}]+$/u.exec(query.search)?.[0].length ?? 0) >= BEGUN_MIN ? ':*' : '';

    const period = await this.organizations.period(actor, query.from, query.to);
    const list = (tx: Tx): SelectQueryBuilder<Message> => {
      const rows = this.database.repository(Message, tx).query(actor, 'row');
      narrowPeriod(rows, 'row.created_at', period);
      return narrowThreads(rows, query);
    };
    const found = await this.turns.run(
      () =>
        this.database.tx(async (tx) => {
          const slices = query.contact_id ? [{ from: null, before: null }] : await this.slices(tx, list(tx), keyset, place);
          await tx.rows(`${BY_WORDS}; SET LOCAL statement_timeout = ${TIMEOUT_MS}`);
          const matching = narrow(list(tx), query, lexemes + begun);
          const places = await this.places(tx, matching, keyset, place, slices, skip + limit + 1);
          const shown = places.slice(skip, skip + limit);
          const more = places.length > skip + limit;
          const exact = !more && !place && (shown.length > 0 || skip === 0);
          const total = exact ? { total: places.length, is_estimate: false } : await totalOf(tx, matching.clone().select('1'), SEARCH_MAX);
          return { shown, total, next_cursor: more ? keyset.cursor(shown[shown.length - 1]) : null };
        }),
      actor.organization_id,
    );
    const { shown, total, next_cursor } = found;
    const ids = shown.map(({ id }) => id);
    return toPage({ items: await this.present(actor, ids, lexemes, begun), next_cursor }, total, query);
  }

  private keyset({ sort = 'created_at:desc' }: MessageSearchQuery): Keyset {
    const [name, direction] = parseSort(sort, ['created_at']);
    const column = this.database.source.getMetadata(Message).findColumnWithPropertyName(name);
    if (!column) throw new Error(`messages have no ${name}`);
    return new Keyset(column, direction);
  }

  /**
   * The list in slices from its beginning, each longer than all before: a page of a common word is found in the first, and nobody fetches a million
   * messages to show the newest fifty. By time, as dense as the first thousand are.
   */
  private async slices(tx: Tx, list: SelectQueryBuilder<Message>, keyset: Keyset, place: Place | null): Promise<Slice[]> {
    const ordered = place ? keyset.placesAfter(list, place)[0] : keyset.places(list);
    const at = async (offset: number): Promise<Date | null> => {
      const [first] = await tx.rows<Place | undefined>(...ordered.clone().offset(offset).limit(1).getQueryAndParameters());
      return first ? (first.value as Date) : null;
    };
    const [first, near] = [await at(0), await at(SLICE)];
    if (!first || !near) return [{ from: null, before: null }];
    const is_down = near < first;
    const span = Math.max(1000, Math.abs(near.getTime() - first.getTime()));
    const edges: Date[] = [];
    for (let n = 0; n < SLICES_MAX; n++) {
      const edge = first.getTime() + (is_down ? -1 : 1) * span * SLICE_GROWTH ** n;
      // Before there was a message, or after the last.
      if (edge < 0 || edge > Date.now()) break;
      edges.push(new Date(edge));
    }
    return [null, ...edges].map((edge, n) =>
      is_down ? { from: edges[n] ?? null, before: edge } : { from: edge, before: edges[n] ?? null },
    );
  }

  /** The first places of what matches, slice by slice. */
  private async places(
    tx: Tx,
    matching: SelectQueryBuilder<Message>,
    keyset: Keyset,
    place: Place | null,
    slices: readonly Slice[],
    wanted: number,
  ): Promise<Place[]> {
    const ordered = place ? keyset.placesAfter(matching, place)[0] : keyset.places(matching);
    const places: Place[] = [];
    for (const { from, before } of slices) {
      if (places.length >= wanted) break;
      const slice = ordered.clone().limit(wanted - places.length);
      if (from) slice.andWhere('row.created_at >= :slice_from', { slice_from: from });
      if (before) slice.andWhere('row.created_at < :slice_before', { slice_before: before });
      places.push(...(await tx.rows<Place>(...slice.getQueryAndParameters())));
    }
    return places;
  }

  private async present(actor: Actor, ids: readonly string[], lexemes: string, begun: string): Promise<FoundMessage[]> {
    const messages = (await this.database.repository(Message).many(actor, ids)).map(presentMessage);
    if (!messages.length) return [];
    const words = await wordsOf(messages.map(({ content }) => content));
    // Any of them; the blanks between lexemes stand in none.
    const any = lexemes.replaceAll("' & '", "' | '") + begun;
    const marked = new Set((await this.database.rows<{ word: string }>(MARKED, [words, any])).map(({ word }) => word));
    const contacts = await this.database.rows<Named>(CONTACTS, [
      actor.organization_id,
      [...new Set(messages.map(({ contact_id }) => contact_id))],
    ]);
    const named = new Map(
      contacts.map((contact): [string, FoundContact] => [contact.id, { id: contact.id, display_name: nameOf(contact) }]),
    );
    return messages.map((message) => ({
      ...message,
      snippet: snippetOf(message.content, marked),
      contact: named.get(message.contact_id) ?? { id: message.contact_id, display_name: '' },
    }));
  }
}

const nameOf = (contact: Named): string => displayName(contact) ?? '';

/** Whose messages: a contact's are those of its conversations, by which they have an index. */
function narrowThreads(
  rows: SelectQueryBuilder<Message>,
  { conversation_id, contact_id }: MessageSearchQuery,
): SelectQueryBuilder<Message> {
  if (conversation_id) rows.andWhere('row.conversation_id = :conversation_id', { conversation_id });
  if (contact_id)
    rows.andWhere(
      'row.conversation_id IN (SELECT v.id FROM conversations v WHERE v.organization_id = row.organization_id AND v.contact_id = :contact_id)',
      { contact_id },
    );
  return rows;
}

/** Those that meet the rest of the query; the words word for word as messages_search_idx has them. */
function narrow(rows: SelectQueryBuilder<Message>, query: MessageSearchQuery, words: string): SelectQueryBuilder<Message> {
  const { direction, whatsapp_number_id } = query;
  rows.andWhere(`NOT row.is_deleted AND row.message_type <> 'note' AND to_tsvector('portuguese', fold(row.content)) @@ :words::tsquery`, {
    words,
  });
  if (!query.conversation_id) rows.andWhere(contactIsThere('row'));
  if (whatsapp_number_id) rows.andWhere('row.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id });
  if (direction)
    rows.andWhere('row.direction = :direction', { direction: direction.replace('inbound', 'incoming').replace('outbound', 'outgoing') });
  return rows;
}
