import type { Actor } from '#common/actor';
import { type Sql, prepared } from '#database/sql';
import type { AgentSummary } from './department.dto';

const SUMMARIES = prepared(
  `SELECT u.id, u.full_name, u.email, u.avatar_url, u.role, u.agent_status, u.is_online,
          (SELECT count(*)::int FROM conversations c
            WHERE c.organization_id = $1 AND c.current_agent_id = u.id AND c.status IN ('open', 'pending')) AS active_conversations,
          coalesce((SELECT json_agg(json_build_object('skill_name', s.skill_name, 'proficiency_level', s.proficiency_level) ORDER BY fold(s.skill_name))
             FROM agent_skills s WHERE s.organization_id = $1 AND s.user_id = u.id), '[]') AS skills
     FROM unnest($2::uuid[]) WITH ORDINALITY asked(id, place)
     JOIN users u ON u.organization_id = $1 AND u.id = asked.id
    ORDER BY asked.place`,
);

/** Agents as lists show them, in the order asked; one query, whatever their number. */
export const agentSummaries = (sql: Sql, { organization_id }: Actor, ids: readonly string[]): Promise<AgentSummary[]> =>
  sql.rows(SUMMARIES, [organization_id, ids]);
