import type { Actor } from '#common/actor';
import { type Sql, prepared } from '#database/sql';
import { AgentStatus } from '#modules/users/user.entity';
import { agentRow } from '#modules/users/agents';
import type { DepartmentStats, DepartmentTotals, DepartmentView } from './department.dto';

/** Averages look so far back. */
const SINCE = `now() - interval '30 days'`;
const LIVE = `c.status IN ('open', 'pending')`;
/** It waits for an agent (contract 10, 6). */
const WAITING = `${LIVE} AND c.queue_id IS NOT NULL AND c.queued_at IS NOT NULL AND c.current_agent_id IS NULL`;
const OVER = `c.status IN ('resolved', 'closed')`;

const average = (seconds: string, of: string): string => `round(avg(${seconds}) FILTER (WHERE c.created_at >= ${SINCE} AND ${of}))::int`;

/** SQL: figures over the conversations `c` of one department. */
const CONVERSATIONS = `count(*)::int AS total_conversations,
  count(*) FILTER (WHERE ${LIVE})::int AS active_conversations,
  count(*) FILTER (WHERE ${WAITING})::int AS queued_conversations,
  count(*) FILTER (WHERE ${OVER})::int AS completed_conversations,
  ${average('extract(epoch FROM c.assigned_at - c.queued_at)', 'c.assigned_at >= c.queued_at')} AS average_wait_time_seconds,
  ${average('c.first_response_time_seconds', 'true')} AS average_response_time_seconds,
  ${average('c.resolution_time_seconds', OVER)} AS average_resolution_time_seconds,
  NULL::int AS customer_satisfaction_score`;

/** SQL: those who answer for the department `asked`, as users `u`. */
const MEMBERS = `department_agents a JOIN users u ON u.organization_id = $1 AND u.id = a.user_id
  WHERE a.organization_id = $1 AND a.department_id = asked.id AND ${agentRow('u')}`;

const FIGURES = prepared(
  `SELECT asked.id, agents.agent_ids, cardinality(agents.agent_ids) AS total_agents, work.*
     FROM unnest($2::uuid[]) asked(id)
    CROSS JOIN LATERAL (SELECT coalesce(array_agg(u.id ORDER BY u.id), '{}') AS agent_ids FROM ${MEMBERS}) agents
    CROSS JOIN LATERAL (SELECT ${CONVERSATIONS} FROM conversations c WHERE c.organization_id = $1 AND c.department_id = asked.id) work`,
);

const STATS = prepared(
  `SELECT agents.*, work.*
     FROM (SELECT $2::uuid AS id) asked
    CROSS JOIN LATERAL (SELECT count(*)::int AS total_agents,
        count(*) FILTER (WHERE u.is_active AND u.is_online)::int AS agents_online,
        count(*) FILTER (WHERE u.is_active AND u.is_online AND u.agent_status = '${AgentStatus.available}')::int AS agents_available FROM ${MEMBERS}) agents
    CROSS JOIN LATERAL (SELECT ${CONVERSATIONS} FROM conversations c WHERE c.organization_id = $1 AND c.department_id = asked.id) work`,
);

const TOTALS = prepared(
  `SELECT count(*)::int AS total_departments, count(*) FILTER (WHERE d.is_active)::int AS active_departments,
          (SELECT count(DISTINCT u.id)::int FROM departments asked, LATERAL (SELECT u.id FROM ${MEMBERS}) u
            WHERE asked.organization_id = $1 AND asked.deleted_at IS NULL) AS total_agents,
          (SELECT count(*)::int FROM departments w JOIN conversations c ON c.organization_id = $1 AND c.department_id = w.id
            WHERE w.organization_id = $1 AND w.deleted_at IS NULL AND ${WAITING}) AS total_queued_conversations
     FROM departments d WHERE d.organization_id = $1 AND d.deleted_at IS NULL`,
);

/** What a department shows beside its row. */
export type Figures = Pick<
  DepartmentView,
  | 'agent_ids'
  | 'total_agents'
  | 'total_conversations'
  | 'active_conversations'
  | 'queued_conversations'
  | 'average_response_time_seconds'
  | 'average_resolution_time_seconds'
  | 'customer_satisfaction_score'
>;

type Work = Figures & Pick<DepartmentStats, 'completed_conversations' | 'average_wait_time_seconds'>;

/** By department; one query, whatever their number. */
export async function figuresOf(sql: Sql, { organization_id }: Actor, ids: readonly string[]): Promise<Map<string, Figures>> {
  const rows = await sql.rows<Work & { id: string }>(FIGURES, [organization_id, ids]);
  return new Map(rows.map(({ id, completed_conversations: _completed, average_wait_time_seconds: _wait, ...figures }) => [id, figures]));
}

export async function statsOf(sql: Sql, { organization_id }: Actor, id: string): Promise<DepartmentStats> {
  const [{ total_conversations: _total, ...stats }] = await sql.rows<DepartmentStats & { total_conversations: number }>(STATS, [
    organization_id,
    id,
  ]);
  return { ...stats, department_id: id };
}

export async function totalsOf(sql: Sql, { organization_id }: Actor): Promise<DepartmentTotals> {
  const [totals] = await sql.rows<DepartmentTotals>(TOTALS, [organization_id]);
  return totals;
}
