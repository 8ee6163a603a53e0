import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { type PageQuery, type Slice, type Total, pageWindow, parseSort, toPage } from '#common/page.dto';
import { Turns } from '#common/turns';
import { Database, type Tx } from '#database/database';
import { Keyset, type Place } from '#database/keyset';
import { narrowPeriod } from '#database/narrow-period';
import { prepared } from '#database/sql';
import { SEARCH_MAX } from '#database/total';
import { displayName } from '#modules/contacts/present-contact';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { contactIsThere } from '../contact-is-there';
import { Message } from './message.entity';
import { presentMessage } from './message.dto';
import type { FoundContact, FoundMessage, MessageSearchPage, MessageSearchQuery } from './message-search.dto';
import { countMatches, firstPlaces } from './search-places';
import { SAYS, searchWords } from './search-words';
import { snippetOf, wordsOf } from './snippet';

/** A search takes no longer, whatever it asks for; nor do more run at once, of one organization half of them. */
const TIMEOUT_MS = 3000;
const AT_ONCE = 4;
/** Nobody turns so many pages; `cursor` goes as far as there is anything. */
const SKIP_MAX = 10_000;

const MARKED = prepared(`SELECT w.word FROM unnest($1::text[]) AS w(word) WHERE to_tsvector('portuguese', fold(w.word)) @@ $2::tsquery`);

const CONTACTS = prepared(
  'SELECT id, name, whatsapp_name, username, whatsapp_id FROM contacts WHERE organization_id = $1 AND id = ANY($2)',
);

type Rows = SelectQueryBuilder<Message>;
/** Adds conditions. */
export type Narrow = (rows: Rows) => void;

type Named = Parameters<typeof displayName>[0] & { id: string };

/** Full text over all messages: Portuguese, without accents, notes and what was deleted aside. */
@Injectable()
export class SearchMessages {
  private readonly turns = new Turns(AT_ONCE, { shared: true, line_max: 100, wait_ms: 10_000 });

  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  /** @throws {Unavailable} `busy`: it took too long, or too many search at once. */
  async page(actor: Actor, query: MessageSearchQuery): Promise<MessageSearchPage> {
    this.check(query);
    const period = await this.organizations.period(actor, query.from, query.to);
    const sought = await searchWords(this.database, query.search);
    if (!sought) return toPage({ items: [], next_cursor: null }, { total: 0, is_estimate: false }, query);

    const list = (rows: Rows): void => {
      narrowPeriod(rows, 'row.created_at', period);
      narrowThreads(rows, query);
    };
    const { items, next_cursor, total } = await this.places(actor, query, {
      list: query.contact_id ? null : list,
      matching: (rows) => {
        list(rows);
        narrow(rows, query, sought.words);
      },
    });
    return toPage({ items: await this.present(actor, items, sought.marked), next_cursor }, total, query);
  }

  /**
   * A page of what matches, in the order of time, and how much does; `list`: what is searched, where that has an index in this order.
   * @throws {Unavailable} `busy`: it took too long, or too many search at once.
   */
  async places(
    actor: Actor,
    query: PageQuery,
    { list, matching }: { list: Narrow | null; matching: Narrow },
  ): Promise<Slice<string> & { total: Total }> {
    const { skip, limit } = pageWindow(query);
    const { keyset, place } = this.placeOf(query);
    return this.bounded(actor, async (tx) => {
      const narrowed = (narrow: Narrow): Rows => {
        const rows = this.database.repository(Message, tx).query(actor, 'row');
        narrow(rows);
        return rows;
      };
      const ordered = (narrow: Narrow): Rows => (place ? keyset.placesAfter(narrowed(narrow), place)[0] : keyset.places(narrowed(narrow)));
      const search = { tx, list: list && ordered(list), is_down: keyset.direction === 'DESC', matching: ordered(matching) };
      const { places, is_common } = await firstPlaces(search, skip + limit + 1);
      const shown = places.slice(skip, skip + limit);
      const more = places.length > skip + limit;
      const exact = !more && !place && (shown.length > 0 || skip === 0);
      const count = (): Total | Promise<Total> => {
        if (exact) return { total: places.length, is_estimate: false };
        if (is_common) return { total: SEARCH_MAX, is_estimate: true };
        return countMatches(tx, narrowed(matching), SEARCH_MAX);
      };
      const next_cursor = more ? keyset.cursor(shown[shown.length - 1]) : null;
      return { items: shown.map(({ id }) => id), total: await count(), next_cursor };
    });
  }

  /**
   * Work of a search, in its turn and in the time one may take.
   * @throws {Unavailable} `busy`
   */
  bounded<T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.turns.run(
      () =>
        this.database.tx(async (tx) => {
          await tx.rows(`SET LOCAL statement_timeout = ${TIMEOUT_MS}`);
          return work(tx);
        }),
      actor.organization_id,
    );
  }

  /** Whether there may be such a page, whatever the words find. @throws {Invalid} */
  check(query: PageQuery): void {
    this.placeOf(query);
  }

  /** The order that is asked for, and where in it. @throws {Invalid} */
  private placeOf(query: PageQuery): { keyset: Keyset; place: Place | null } {
    if (pageWindow(query).skip > SKIP_MAX) throw Invalid.query('skip', `skip may be at most ${SKIP_MAX}; go on with cursor.`);
    const keyset = this.keyset(query);
    return { keyset, place: query.cursor === undefined ? null : keyset.place(query.cursor) };
  }

  private keyset({ sort = 'created_at:desc' }: PageQuery): Keyset {
    const [name, direction] = parseSort(sort, ['created_at']);
    const column = this.database.source.getMetadata(Message).findColumnWithPropertyName(name);
    if (!column) throw new Error(`messages have no ${name}`);
    return new Keyset(column, direction);
  }

  private async present(actor: Actor, ids: readonly string[], marking: string): Promise<FoundMessage[]> {
    const messages = (await this.database.repository(Message).many(actor, ids)).map(presentMessage);
    if (!messages.length) return [];
    const words = await wordsOf(messages.map(({ content }) => content));
    const marked = new Set((await this.database.rows<{ word: string }>(MARKED, [words, marking])).map(({ word }) => word));
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
function narrowThreads(rows: Rows, { conversation_id, contact_id }: MessageSearchQuery): void {
  if (conversation_id) rows.andWhere('row.conversation_id = :conversation_id', { conversation_id });
  if (contact_id)
    rows.andWhere(
      'row.conversation_id IN (SELECT v.id FROM conversations v WHERE v.organization_id = row.organization_id AND v.contact_id = :contact_id)',
      { contact_id },
    );
}

/** Those that meet the rest of the query. */
function narrow(rows: Rows, query: MessageSearchQuery, words: string): void {
  const { direction, whatsapp_number_id } = query;
  rows.andWhere(SAYS, { words });
  if (!query.conversation_id) rows.andWhere(contactIsThere('row'));
  if (whatsapp_number_id) rows.andWhere('row.whatsapp_number_id = :whatsapp_number_id', { whatsapp_number_id });
  if (direction)
    rows.andWhere('row.direction = :direction', { direction: direction.replace('inbound', 'incoming').replace('outbound', 'outgoing') });
}
