import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import type { Database } from '#database/database';
import type { Condition } from '#database/sql';
import { escapeLike } from '#database/tenant-repository';
import { contactMatch } from '#modules/contacts/search-contacts';
import { contactIsThere } from './contact-is-there';
import type { ConversationQuery } from './conversation.dto';
import type { Conversation } from './conversation.entity';

/** Among so many, the newest of a list, the text of the last message is looked through. All messages have an index: GET /whatsapp/messages?search. */
const NEWEST = 500;

/** What a search says of a conversation: its contact, or its last message. Asked row by row: as EXISTS it would be answered for all contacts at once. */
export function conversationMatch(row: string, search: string): Condition {
  const contact = contactMatch('k', search);
  return {
    sql: `(coalesce((SELECT ${contact?.sql ?? 'false'} FROM contacts k WHERE k.organization_id = ${row}.organization_id AND k.id = ${row}.contact_id), false)
       OR coalesce((SELECT NOT l.is_deleted AND fold(l.content) LIKE fold(:words) FROM messages l
                     WHERE l.organization_id = ${row}.organization_id AND l.id = ${row}.last_message_id), false))`,
    values: { ...contact?.values, words: words(search) },
  };
}

/** The conversations of these contacts. LATERAL, and not IN: each contact's few by their index, never all conversations beside all contacts. */
export async function conversationsOf(database: Database, actor: Actor, contact_ids: readonly string[]): Promise<string[]> {
  const found = await database.rows<{ id: string }>(
    `SELECT c.id FROM unnest($2::uuid[]) AS k(id)
      CROSS JOIN LATERAL (SELECT v.id FROM conversations v WHERE v.organization_id = $1 AND v.contact_id = k.id OFFSET 0) c`,
    [actor.organization_id, contact_ids],
  );
  return found.map(({ id }) => id);
}

/** Of the newest of a list those whose last message says it. */
export async function lastSaying(database: Database, search: string, list: SelectQueryBuilder<Conversation>): Promise<string[]> {
  const [newest, values] = list
    .select('row.organization_id', 'organization_id')
    .addSelect('row.id', 'id')
    .addSelect('row.last_message_id', 'last_message_id')
    .addOrderBy('row.last_message_at', 'DESC', 'NULLS LAST')
    .addOrderBy('row.id', 'DESC')
    .limit(NEWEST)
    .getQueryAndParameters();
  const found = await database.rows<{ id: string }>(
    `SELECT n.id FROM (${newest}) n
      CROSS JOIN LATERAL (SELECT is_deleted, content FROM messages l WHERE l.organization_id = n.organization_id AND l.id = n.last_message_id OFFSET 0) l
      WHERE NOT l.is_deleted AND fold(l.content) LIKE fold($${values.length + 1})`,
    [...values, words(search)],
  );
  return found.map(({ id }) => id);
}

const words = (search: string): string => `%${escapeLike(search)}%`;

/** Whose conversations are asked for; `none`: nobody's. */
export const agentAsked = (
  actor: Actor,
  { assigned_to_me, assigned_to, assigned_agent_id }: ConversationQuery,
): string | null | undefined => {
  const asked = assigned_to_me ? 'me' : (assigned_to ?? assigned_agent_id);
  return asked === 'me' ? actor.user_id : asked;
};

/** The filters of the inbox on a query behind the wall. */
export function narrowConversations(rows: SelectQueryBuilder<Conversation>, actor: Actor, query: ConversationQuery): void {
  rows.andWhere(contactIsThere('row'));
  const asked = (query.status ?? '').split(',').filter(Boolean);
  const statuses = new Set(
    asked.flatMap((word) => (word === 'active' ? ['open', 'pending'] : word === 'archived' || word === 'queued' ? [] : [word])),
  );
  // One by one, so that its index has the rest in order.
  if (statuses.size === 1) rows.andWhere('row.status = :status', { status: [...statuses][0] });
  else if (statuses.size) rows.andWhere('row.status = ANY(:statuses)', { statuses: [...statuses] });
  if (asked.includes('queued'))
    rows.andWhere(
      "row.queue_id IS NOT NULL AND row.queued_at IS NOT NULL AND row.current_agent_id IS NULL AND row.status IN ('open', 'pending')",
    );
  rows.andWhere('row.is_archived = :archived', { archived: query.is_archived ?? asked.includes('archived') });
  const assigned = agentAsked(actor, query);
  // Ordered by what is equal in all: so the planner sees that conversations_of_agent_idx has the rest in order.
  if (assigned === 'none') rows.andWhere('row.current_agent_id IS NULL').addOrderBy('row.current_agent_id');
  else if (assigned) rows.andWhere('row.current_agent_id = :assigned', { assigned });
  for (const column of ['department_id', 'queue_id', 'contact_id', 'whatsapp_number_id', 'priority'] as const)
    if (query[column]) rows.andWhere(`row.${column} = :${column}`, { [column]: query[column] });
  if (query.unread !== undefined) rows.andWhere(query.unread ? 'row.unread_count > 0' : 'row.unread_count = 0');
  if (query.tags) rows.andWhere('row.tags && :labels', { labels: query.tags.split(',').map((tag) => tag.trim()) });
}
