import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Unauthenticated } from '#common/errors';
import type { PeriodQuery } from '#common/period.dto';
import { BEFORE_ALL } from '#common/uuid';
import { Database } from '#database/database';
import { periodBounds } from '#database/narrow-period';
import { prepared } from '#database/sql';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { UsersService } from '#modules/users/users.service';
import { activeRow } from '../state/active';
import { satisfaction } from '../state/rating';
import type { UserStats } from './agent-stats.dto';

type Counts = Omit<UserStats, 'period'>;

const WITHIN = (column: string): string =>
  `${column} >= coalesce($3::timestamptz, '-infinity') AND ${column} <= coalesce($4::timestamptz, 'infinity')`;

/** Who answers as a person: an agent here, or on the phone itself. */
const PERSON = `sender_type IN ('agent', 'device')`;

const COUNTS = prepared(`WITH own AS (
    SELECT count(*) FILTER (WHERE ${WITHIN('c.created_at')})::int AS total_conversations,
           count(*) FILTER (WHERE ${WITHIN('c.created_at')} AND ${activeRow('c')})::int AS conversations_active,
           count(*) FILTER (WHERE ${WITHIN('c.created_at')} AND NOT ${activeRow('c')})::int AS conversations_resolved,
           avg(c.resolution_time_seconds) FILTER (WHERE ${WITHIN('c.resolved_at')}) / 60 AS avg_resolution_time_minutes,
           ${satisfaction('c', WITHIN('c.rated_at'))} AS csat_score
      FROM conversations c WHERE c.organization_id = $1 AND c.current_agent_id = $2),
  written AS MATERIALIZED (
    SELECT m.conversation_id, m.created_at, m.id, m.status FROM messages m
     WHERE m.organization_id = $1 AND m.sender_user_id = $2 AND m.direction = 'outgoing' AND m.sender_type = 'agent' AND m.message_type <> 'reaction' AND ${WITHIN('m.created_at')}),
  replies AS (
    SELECT w.created_at - asked.created_at AS waited FROM written w
      LEFT JOIN LATERAL (SELECT p.created_at, p.id FROM messages p
         WHERE p.organization_id = $1 AND p.conversation_id = w.conversation_id AND (p.created_at, p.id) < (w.created_at, w.id)
           AND p.direction = 'outgoing' AND p.message_type <> 'reaction' AND p.${PERSON}
         ORDER BY p.created_at DESC, p.id DESC LIMIT 1) answered ON true
      JOIN LATERAL (SELECT i.created_at FROM messages i
         WHERE i.organization_id = $1 AND i.conversation_id = w.conversation_id AND (i.created_at, i.id) < (w.created_at, w.id)
           AND (i.created_at, i.id) > (coalesce(answered.created_at, '-infinity'), coalesce(answered.id, '${BEFORE_ALL}'))
           AND i.direction = 'incoming'
         ORDER BY i.created_at, i.id LIMIT 1) asked ON true)
  SELECT own.total_conversations, own.conversations_active, own.conversations_resolved, own.csat_score,
         own.avg_resolution_time_minutes::float8 AS avg_resolution_time_minutes,
         (SELECT count(*)::int FROM written WHERE status <> 'failed') AS total_messages_sent,
         (SELECT (avg(extract(epoch FROM waited)) / 60)::float8 FROM replies) AS avg_response_time_minutes
    FROM own`);

/** How a user's work with customers is, in numbers. */
@Injectable()
export class AgentStatsService {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: UsersService,
  ) {}

  async get(actor: Actor, user_id: string, { start_date, end_date }: PeriodQuery): Promise<UserStats> {
    await this.users.get(actor, user_id);
    const { start, end } = await periodBounds(this.database, await this.organizations.period(actor, start_date, end_date));
    const [counts] = await this.database.rows<Counts>(COUNTS, [actor.organization_id, user_id, start ?? null, end ?? null]);
    return { ...counts, period: { start: start ?? null, end: end ?? null } };
  }

  own(actor: Actor, query: PeriodQuery): Promise<UserStats> {
    if (!actor.user_id) throw new Unauthenticated();
    return this.get(actor, actor.user_id, query);
  }
}
