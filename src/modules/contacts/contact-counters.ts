import { type Sql, prepared } from '#database/sql';

/** A message left for the contact. */
export async function countSent(sql: Sql, organization_id: string, contact_id: string, at: Date): Promise<void> {
  await sql.rows(SENT, [organization_id, contact_id, at]);
}

/** Contacts have so many conversations more, or fewer. */
export async function countConversations(
  sql: Sql,
  rows: readonly { organization_id: string; contact_id: string; count: number }[],
): Promise<void> {
  if (!rows.length) return;
  await sql.rows(CONVERSATIONS, [rows.map((row) => row.organization_id), rows.map((row) => row.contact_id), rows.map((row) => row.count)]);
}

const SENT = prepared(
  `UPDATE contacts SET last_message_at = greatest(last_message_at, $3), last_message_sent_at = greatest(last_message_sent_at, $3),
          total_messages_sent = total_messages_sent + 1
    WHERE organization_id = $1 AND id = $2`,
);

const CONVERSATIONS = prepared(
  `UPDATE contacts k SET total_conversations = greatest(0, k.total_conversations + n.count)
     FROM (SELECT organization_id, contact_id, sum(count)::int AS count
             FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS r(organization_id, contact_id, count) GROUP BY 1, 2) n
    WHERE k.organization_id = n.organization_id AND k.id = n.contact_id`,
);
