import type { Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { waitingRow } from '#modules/conversations/state/queueing';

const OVERFLOWS = prepared(`INSERT INTO queue_days (organization_id, queue_id, day, overflowed)
  SELECT o.organization_id, o.queue_id, (now() AT TIME ZONE coalesce(g.settings->>'timezone', 'America/Sao_Paulo'))::date, count(*)
    FROM unnest($1::uuid[], $2::uuid[]) AS o(organization_id, queue_id) JOIN organizations g ON g.id = o.organization_id
   GROUP BY 1, 2, 3 ORDER BY 1, 2
  ON CONFLICT (organization_id, queue_id, day) DO UPDATE SET overflowed = queue_days.overflowed + excluded.overflowed`);

/** Conversations that were sent on from full queues. */
export async function countOverflows(tx: Tx, overflowed: readonly { organization_id: string; original_queue_id: string }[]): Promise<void> {
  if (!overflowed.length) return;
  await tx.rows(OVERFLOWS, [overflowed.map((row) => row.organization_id), overflowed.map((row) => row.original_queue_id)]);
}

// Of those with a limit, the others' days have no occupancy. In one order, as above.
const NOTE = prepared(`INSERT INTO queue_days (organization_id, queue_id, day, queued, capacity)
  SELECT q.organization_id, q.id, (now() AT TIME ZONE coalesce(g.settings->>'timezone', 'America/Sao_Paulo'))::date,
         (SELECT count(*) FROM conversations c WHERE c.organization_id = q.organization_id AND c.queue_id = q.id AND ${waitingRow('c')}), q.max_queue_size
    FROM queues q JOIN organizations g ON g.id = q.organization_id
   WHERE q.organization_id = $1 AND q.max_queue_size IS NOT NULL AND q.deleted_at IS NULL
   ORDER BY q.id
  ON CONFLICT (organization_id, queue_id, day)
  DO UPDATE SET queued = greatest(queue_days.queued, excluded.queued), capacity = excluded.capacity
  WHERE queue_days.queued < excluded.queued OR queue_days.capacity IS DISTINCT FROM excluded.capacity`);

/** The most that waited today, as far as somebody looked. */
export async function noteOccupancy(sql: Sql, organization_id: string): Promise<void> {
  await sql.rows(NOTE, [organization_id]);
}
