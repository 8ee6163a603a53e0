import { Role } from '#common/actor';
import { type Prepared, type Sql, prepared } from '#database/sql';
import { activeRow } from '#modules/conversations/state/active';
import type { AgentStatus } from '#modules/users/user.entity';
import type { RoutedAgent } from './choose-agent';

interface Row {
  id: string;
  role: Role;
  is_active: boolean;
  is_online: boolean;
  agent_status: AgentStatus;
  max_conversations: number | null;
}

/** Somebody who answers customers, with their role: administrators serve every department when they pull. */
export interface TeamMember extends RoutedAgent {
  role: Role;
}

const COLUMNS = 'u.id, u.role, u.is_active, u.is_online, u.agent_status, u.max_conversations';
const MEMBERS = `FROM users u WHERE u.organization_id = $1 AND u.deleted_at IS NULL AND u.role IN ('${Role.agent}', '${Role.org_admin}')`;

const AVAILABLE = `SELECT ${COLUMNS} ${MEMBERS} AND u.is_active AND u.is_online AND u.agent_status = 'available'`;
const THERE = prepared(AVAILABLE);
// In one order everywhere. Who counts what an agent has, to give them more, holds their row: two at once would both find the last place.
const READY = prepared(`${AVAILABLE} ORDER BY u.id FOR NO KEY UPDATE`);
const ONE = prepared(`SELECT ${COLUMNS} ${MEMBERS} AND u.id = $2 FOR NO KEY UPDATE`);
const SOME = prepared(`SELECT ${COLUMNS} ${MEMBERS} AND u.id = ANY($2)`);

/** What concerns each of them, in one go: where they answer, what they can, what they have, whose turn it is. */
const ABOUT = prepared(`SELECT u.id,
    ARRAY(SELECT a.department_id::text FROM department_agents a WHERE a.organization_id = $1 AND a.user_id = u.id) AS department_ids,
    (SELECT jsonb_object_agg(s.skill_key, s.proficiency_level) FROM agent_skills s WHERE s.organization_id = $1 AND s.user_id = u.id) AS skills,
    (SELECT jsonb_object_agg(t.queue_id, extract(epoch FROM t.last_assigned_at)) FROM (
       SELECT queue_id, last_assigned_at FROM queue_turns WHERE organization_id = $1 AND user_id = u.id
       UNION ALL SELECT department_id, last_assigned_at FROM department_turns WHERE organization_id = $1 AND user_id = u.id) t) AS turns
   FROM unnest($2::uuid[]) AS u(id)`);

/** Conversations they have, and those held out to them. */
const LOADS = prepared(`SELECT agent_id, queue_id, count(*)::int AS count FROM (
    SELECT c.current_agent_id AS agent_id, c.queue_id FROM conversations c
     WHERE c.organization_id = $1 AND c.current_agent_id = ANY($2) AND NOT c.is_archived AND ${activeRow('c')}
    UNION ALL
    SELECT o.agent_id, o.queue_id FROM queue_offers o
     WHERE o.organization_id = $1 AND o.agent_id = ANY($2) AND o.status = 'offered' AND o.expires_at > now()) held
  GROUP BY agent_id, queue_id`);

/** Everybody who is online and available, held until the transaction ends. */
export const readyAgents = (sql: Sql, organization_id: string): Promise<TeamMember[]> => read(sql, READY, organization_id);

/** The same, for who only tells them something. */
export const availableAgents = (sql: Sql, organization_id: string): Promise<TeamMember[]> => read(sql, THERE, organization_id);

/** One of them, held; undefined: no such agent. */
export const heldAgent = async (sql: Sql, organization_id: string, user_id: string): Promise<TeamMember | undefined> =>
  (await read(sql, ONE, organization_id, user_id)).at(0);

/** As they are, in no order. */
export const someAgents = (sql: Sql, organization_id: string, ids: readonly string[]): Promise<TeamMember[]> =>
  read(sql, SOME, organization_id, ids);

async function read(sql: Sql, statement: Prepared, organization_id: string, who?: unknown): Promise<TeamMember[]> {
  const rows = await sql.rows<Row>(statement, who === undefined ? [organization_id] : [organization_id, who]);
  if (!rows.length) return [];
  const ids = rows.map(({ id }) => id);
  const [about, loads] = await Promise.all([
    sql.rows<{ id: string; department_ids: string[]; skills: Record<string, number> | null; turns: Record<string, number> | null }>(ABOUT, [
      organization_id,
      ids,
    ]),
    sql.rows<{ agent_id: string; queue_id: string | null; count: number }>(LOADS, [organization_id, ids]),
  ]);
  const known = new Map(about.map((row) => [row.id, row]));
  const held = Map.groupBy(loads, ({ agent_id }) => agent_id);
  return rows.map((row) => {
    const { department_ids = [], skills, turns } = known.get(row.id) ?? {};
    const own = held.get(row.id) ?? [];
    return {
      ...row,
      department_ids: new Set(department_ids),
      skills: new Map(Object.entries(skills ?? {})),
      last_assigned: new Map(Object.entries(turns ?? {})),
      active_in_all: own.reduce((sum, { count }) => sum + count, 0),
      active_by_queue: new Map(own.flatMap(({ queue_id, count }) => (queue_id ? [[queue_id, count]] : []))),
    };
  });
}

const turnsIn = (table: string, column: string): Prepared =>
  prepared(`INSERT INTO ${table} (organization_id, ${column}, user_id, last_assigned_at)
  SELECT $1, t.line_id, t.user_id, now() FROM unnest($2::uuid[], $3::uuid[]) AS t(line_id, user_id) ORDER BY 2, 3
  ON CONFLICT (organization_id, ${column}, user_id) DO UPDATE SET last_assigned_at = excluded.last_assigned_at`);
const TURNS = turnsIn('queue_turns', 'queue_id');
const DEPARTMENT_TURNS = turnsIn('department_turns', 'department_id');

/** They were given conversations of these queues; or of departments without one, where the ids are theirs. */
export async function takeTurns(
  sql: Sql,
  organization_id: string,
  given: readonly { queue_id: string; agent_id: string }[],
  of: 'queues' | 'departments' = 'queues',
): Promise<void> {
  const each = [...new Map(given.map((one) => [`${one.queue_id} ${one.agent_id}`, one])).values()];
  const statement = of === 'queues' ? TURNS : DEPARTMENT_TURNS;
  if (each.length) await sql.rows(statement, [organization_id, each.map(({ queue_id }) => queue_id), each.map(({ agent_id }) => agent_id)]);
}
