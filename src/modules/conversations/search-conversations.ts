import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import type { Database } from '#database/database';
import { type Condition, escapeLike } from '#database/tenant-repository';
import { contactMatch } from '#modules/contacts/search-contacts';
import { contactIsThere } from './contact-is-there';
import type { ConversationQuery } from './conversation.dto';
import type { Conversation } from './conversation.entity';

/** Among so many, the newest, the text of the last message is looked through. Older texts have an index as messages: GET /whatsapp/messages?search. */
const NEWEST = 2000;

/** What a search says of a conversation: its contact, or its last message. */
export function conversationMatch(row: string, search: string): Condition {
  const contact = contactMatch('k', search);
  return {
    sql: `(EXISTS (SELECT 1 FROM contacts k WHERE k.organization_id = ${row}.organization_id AND k.id = ${row}.contact_id AND ${contact?.sql ?? 'false'})
        OR EXISTS (SELECT 1 FROM messages l WHERE l.organization_id = ${row}.organization_id AND l.id = ${row}.last_message_id
                      AND NOT l.is_deleted AND fold(l.content) LIKE fold(:words)))`,
    values: { ...contact?.values, words: `%${escapeLike(search)}%` },
  };
}

/** The conversations of these contacts, and of the newest of a list those whose last message says it. */
export async function foundConversations(
  database: Database,
  actor: Actor,
  search: string,
  contact_ids: readonly string[],
  list: SelectQueryBuilder<Conversation>,
): Promise<string[]> {
  const [newest, values] = list
    .select('row.organization_id', 'organization_id')
    .addSelect('row.id', 'id')
    .addSelect('row.last_message_id', 'last_message_id')
    .orderBy('row.last_message_at', 'DESC', 'NULLS LAST')
    .addOrderBy('row.id', 'DESC')
    .limit(NEWEST)
    .getQueryAndParameters();
  const [ofContacts, ofNewest] = await Promise.all([
    // LATERAL, and not IN: each contact's few by their index, never all conversations beside all contacts.
    database.rows<{ id: string }>(
      `SELECT c.id FROM unnest($2::uuid[]) AS k(id)
        CROSS JOIN LATERAL (SELECT v.id FROM conversations v WHERE v.organization_id = $1 AND v.contact_id = k.id OFFSET 0) c`,
      [actor.organization_id, contact_ids],
    ),
    database.rows<{ id: string }>(
      `SELECT n.id FROM (${newest}) n JOIN messages l ON l.organization_id = n.organization_id AND l.id = n.last_message_id
        WHERE NOT l.is_deleted AND fold(l.content) LIKE fold($${values.length + 1})`,
      [...values, `%${escapeLike(search)}%`],
    ),
  ]);
  return [...ofContacts, ...ofNewest].map(({ id }) => id);
}

/** The filters of the inbox on a query behind the wall. */
export function narrowConversations(rows: SelectQueryBuilder<Conversation>, actor: Actor, query: ConversationQuery): void {
  rows.andWhere(contactIsThere('row'));
  const words = (query.status ?? '').split(',').filter(Boolean);
  const statuses = new Set(
    words.flatMap((word) => (word === 'active' ? ['open', 'pending'] : word === 'archived' || word === 'queued' ? [] : [word])),
  );
  if (statuses.size) rows.andWhere('row.status = ANY(:statuses)', { statuses: [...statuses] });
  if (words.includes('queued'))
    rows.andWhere(
      "row.queue_id IS NOT NULL AND row.queued_at IS NOT NULL AND row.current_agent_id IS NULL AND row.status IN ('open', 'pending')",
    );
  rows.andWhere('row.is_archived = :archived', { archived: query.is_archived ?? words.includes('archived') });
  const assigned = query.assigned_to_me ? 'me' : (query.assigned_to ?? query.assigned_agent_id);
  // Ordered by what is equal in all: so the planner sees that conversations_of_agent_idx has the rest in order.
  if (assigned === 'none') rows.andWhere('row.current_agent_id IS NULL').addOrderBy('row.current_agent_id');
  else if (assigned) rows.andWhere('row.current_agent_id = :assigned', { assigned: assigned === 'me' ? actor.user_id : assigned });
  for (const column of ['department_id', 'queue_id', 'contact_id', 'whatsapp_number_id', 'priority'] as const)
    if (query[column]) rows.andWhere(`row.${column} = :${column}`, { [column]: query[column] });
  if (query.unread !== undefined) rows.andWhere(query.unread ? 'row.unread_count > 0' : 'row.unread_count = 0');
  if (query.tags) rows.andWhere('row.tags && :labels', { labels: query.tags.split(',').map((tag) => tag.trim()) });
}
