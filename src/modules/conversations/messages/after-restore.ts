import type { Sql } from '#database/sql';

/**
 * A backup is of the past: what waited to be sent in it may have left since. Such a message is treated as one whose worker died during the call
 * (`DeliverMessage`): the next start ends it as failed, provider_timeout, and a person decides whether to send it again. Answers how many.
 */
export async function sendNothingAgain(sql: Sql): Promise<number> {
  const rows = await sql.rows<unknown>(`UPDATE outbound_sends SET claimed_at = to_timestamp(0), due_at = now() RETURNING message_id`);
  return rows.length;
}
