import type { Sql } from '#database/sql';

/** A backup is of the past: what waited in it to be mailed may have left since, and its links are stale. A backup from before there was mail has none. */
export async function mailNothingAgain(sql: Sql): Promise<void> {
  const [{ is_there }] = await sql.rows<{ is_there: boolean }>(`SELECT to_regclass('outbound_mails') IS NOT NULL AS is_there`);
  if (!is_there) return;
  await sql.rows(
    `UPDATE outbound_mails SET status = 'failed', error = 'Restored from a backup.', values_encrypted = NULL, settled_at = now() WHERE status = 'pending'`,
  );
}
