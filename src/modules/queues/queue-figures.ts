import type { Actor } from '#common/actor';
import { type Sql, prepared } from '#database/sql';
import { activeRow } from '#modules/conversations/state/active';
import { satisfaction } from '#modules/conversations/state/rating';
import { waitingRow } from '#modules/conversations/state/queueing';
import type { QueueView } from './queue.dto';
import type { Queue } from './queue.entity';
import { routedQueues } from './routing/routed-queue';

type Counted = Pick<
  QueueView,
  | 'total_conversations'
  | 'active_conversations'
  | 'queued_conversations'
  | 'waiting_since'
  | 'completed_conversations'
  | 'average_wait_time_seconds'
  | 'average_response_time_seconds'
  | 'average_resolution_time_seconds'
  | 'customer_satisfaction_score'
>;

/** SQL: seconds from one time of a conversation `c` to another. */
export const seconds = (from: string, to: string): string => `extract(epoch FROM ${to} - ${from})`;

const RECENT = `c.queued_at > now() - interval '30 days'`;
const over = `c.status IN ('resolved', 'closed')`;
const average = (what: string, where: string): string => `(avg(${what}) FILTER (WHERE ${where} AND ${RECENT}))::int`;

const FIGURES = prepared(`SELECT q.id, f.* FROM unnest($2::uuid[]) AS q(id)
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS total_conversations,
           count(*) FILTER (WHERE ${activeRow('c')} AND c.current_agent_id IS NOT NULL)::int AS active_conversations,
           count(*) FILTER (WHERE ${waitingRow('c')})::int AS queued_conversations,
           min(c.queued_at) FILTER (WHERE ${waitingRow('c')}) AS waiting_since,
           count(*) FILTER (WHERE ${over})::int AS completed_conversations,
           ${average(seconds('c.queued_at', 'c.assigned_at'), 'c.assigned_at >= c.queued_at')} AS average_wait_time_seconds,
           ${average(seconds('c.queued_at', 'c.queue_answered_at'), 'c.queue_answered_at >= c.queued_at')} AS average_response_time_seconds,
           ${average('c.resolution_time_seconds', over)} AS average_resolution_time_seconds,
           ${satisfaction('c', RECENT)} AS customer_satisfaction_score
      FROM conversations c WHERE c.organization_id = $1 AND c.queue_id = q.id) f`);

/** What is counted of queues, by their id; one query, whatever their number. */
export async function figuresOf(sql: Sql, organization_id: string, ids: readonly string[]): Promise<Map<string, Counted>> {
  const rows = ids.length ? await sql.rows<Counted & { id: string }>(FIGURES, [organization_id, ids]) : [];
  return new Map(rows.map(({ id, ...counted }) => [id, counted]));
}

const NOTHING: Counted = {
  total_conversations: 0,
  active_conversations: 0,
  queued_conversations: 0,
  waiting_since: null,
  completed_conversations: 0,
  average_wait_time_seconds: null,
  average_response_time_seconds: null,
  average_resolution_time_seconds: null,
  customer_satisfaction_score: null,
};

/** Rows as the API shows them. */
export async function presentQueues(sql: Sql, { organization_id }: Actor, rows: readonly Queue[]): Promise<QueueView[]> {
  const ids = rows.map(({ id }) => id);
  const [figures, routed] = [await figuresOf(sql, organization_id, ids), await routedQueues(sql, organization_id, ids)];
  const now = new Date();
  return rows.map(({ overflow_told_at: _told, deleted_at: _deleted, ...row }) => {
    const counted = figures.get(row.id) ?? NOTHING;
    const is_overloaded = row.max_queue_size !== null && counted.queued_conversations >= row.max_queue_size;
    return {
      ...row,
      ...counted,
      is_overloaded,
      has_capacity: row.is_active && !is_overloaded,
      is_open: routed.get(row.id)?.calendar.isOpen(now) ?? false,
    };
  });
}
