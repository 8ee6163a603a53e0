import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { Database } from '#database/database';
import { type Bounds, periodBounds } from '#database/narrow-period';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { activeRow } from '../state/active';
import { waitingRow } from '../state/queueing';
import {
  type AgentShare,
  type ConversationMetrics,
  type ConversationMetricsQuery,
  type ConversationStats,
  type ConversationStatsQuery,
  type DepartmentShare,
  PERIODS,
  type StatsPeriodName,
} from './conversation-figures.dto';

/** Of the newest conversations with a first answer, for their mean. */
const NEWEST = 10_000;
const SHARES = 100;

/** SQL: whether conversation `c` had a message, or began without one, since. Its two halves are ranges of the lists' indexes. */
const movedSince = (since: string): string =>
  `(${since}::timestamptz IS NULL OR c.last_message_at >= ${since} OR (c.last_message_at IS NULL AND c.created_at >= ${since}))`;

// --- metrics: $1 organization, $2 department, $3 queue, $4 since

const ASKED = `($2::uuid IS NULL OR c.department_id = $2) AND ($3::uuid IS NULL OR c.queue_id = $3) AND ${movedSince('$4')}`;
const WAITS = waitingRow('c');

// What lives by the index of what wants attention, what has ended by its own: counting reads nothing else of it.
const LIVE = `SELECT count(*) FILTER (WHERE c.status = 'open')::int AS open, count(*) FILTER (WHERE c.status = 'pending')::int AS pending,
    count(*) FILTER (WHERE c.current_agent_id IS NOT NULL)::int AS active, count(*) FILTER (WHERE c.current_agent_id IS NULL)::int AS unassigned,
    count(*) FILTER (WHERE ${WAITS})::int AS queued,
    (avg(extract(epoch FROM now() - c.queued_at)) FILTER (WHERE ${WAITS}))::int AS avg_wait_seconds,
    count(*) FILTER (WHERE ${WAITS} AND c.queued_at < now() - interval '600 seconds')::int AS overflow_count,
    count(*) FILTER (WHERE ${WAITS} AND (c.sla_breached_at IS NOT NULL OR c.sla_ends_at <= now()))::int AS sla_violations
   FROM conversations c WHERE c.organization_id = $1 AND ${ASKED} AND NOT c.is_archived AND ${activeRow('c')}`;

const ENDED = `SELECT count(*) FILTER (WHERE c.status = 'resolved')::int AS resolved, count(*) FILTER (WHERE c.status = 'closed')::int AS closed,
    count(*) FILTER (WHERE c.is_archived)::int AS archived
   FROM conversations c WHERE c.organization_id = $1 AND ${ASKED} AND c.status IN ('resolved', 'closed')`;

const FIRST_ANSWERS = `SELECT avg(seconds)::int AS avg_first_response_seconds FROM (
    SELECT c.first_response_time_seconds AS seconds FROM conversations c
     WHERE c.organization_id = $1 AND ${ASKED} AND NOT c.is_archived AND c.first_response_time_seconds IS NOT NULL
     ORDER BY c.last_message_at DESC NULLS LAST LIMIT ${NEWEST}) newest`;

// --- stats: $1 organization, $2 from, $3 to, $4 department, $5 queue, $6 agent, $7 number

const CHOSEN = `($4::uuid IS NULL OR c.department_id = $4) AND ($5::uuid IS NULL OR c.queue_id = $5)
    AND ($6::uuid IS NULL OR c.current_agent_id = $6) AND ($7::uuid IS NULL OR c.whatsapp_number_id = $7)`;
const within = (time: string): string => `(${time} >= coalesce($2::timestamptz, '-infinity') AND ${time} <= $3)`;
const ended = `c.status IN ('resolved', 'closed')`;

const COHORT = `SELECT g.*, u.full_name AS agent_name, d.name AS department_name FROM (
    SELECT grouping(c.current_agent_id, c.department_id) AS grouped, c.current_agent_id AS agent_id, c.department_id,
           count(*)::int AS conversations, count(*) FILTER (WHERE ${ended})::int AS over,
           count(*) FILTER (WHERE c.status = 'open')::int AS open, count(*) FILTER (WHERE c.status = 'pending')::int AS pending,
           count(*) FILTER (WHERE c.status = 'resolved')::int AS resolved, count(*) FILTER (WHERE c.status = 'closed')::int AS closed,
           count(*) FILTER (WHERE c.is_archived)::int AS archived,
           count(*) FILTER (WHERE ${within('c.created_at')})::int AS begun, count(*) FILTER (WHERE ${within('c.reopened_at')})::int AS reopened,
           (avg(c.first_response_time_seconds) FILTER (WHERE ${within('c.first_response_at')}) / 60)::float8 AS response_minutes,
           (avg(c.resolution_time_seconds) FILTER (WHERE ${ended} AND ${within('coalesce(c.resolved_at, c.closed_at)')}) / 3600)::float8 AS resolution_hours
      FROM conversations c
     WHERE c.organization_id = $1 AND ${movedSince('$2')} AND c.created_at <= $3 AND ${CHOSEN}
     GROUP BY GROUPING SETS ((), (c.current_agent_id), (c.department_id))) g
  LEFT JOIN users u ON u.organization_id = $1 AND u.id = g.agent_id
  LEFT JOIN departments d ON d.organization_id = $1 AND d.id = g.department_id
 ORDER BY g.conversations DESC, u.full_name, d.name`;

const MESSAGES = (is_narrow: boolean): string => `SELECT count(*)::int AS total_messages,
    count(*) FILTER (WHERE m.direction = 'outgoing' AND m.status <> 'failed')::int AS messages_sent,
    count(*) FILTER (WHERE m.direction = 'incoming')::int AS messages_received
   FROM messages m ${is_narrow ? 'JOIN conversations c ON c.organization_id = $1 AND c.id = m.conversation_id' : ''}
  WHERE m.organization_id = $1 AND ${within('m.created_at')} AND m.message_type NOT IN ('note', 'system') ${is_narrow ? `AND ${CHOSEN}` : ''}`;

/** Of a period: all of it, or an agent's or a department's part. */
interface Share {
  /** 3: all; 1: an agent's (null: nobody's); 2: a department's (null: none's). */
  grouped: number;
  agent_id: string | null;
  agent_name: string | null;
  department_id: string | null;
  department_name: string | null;
  conversations: number;
  over: number;
  open: number;
  pending: number;
  resolved: number;
  closed: number;
  archived: number;
  begun: number;
  reopened: number;
  response_minutes: number | null;
  resolution_hours: number | null;
}

/** The inbox in numbers, now and in a period. */
@Injectable()
export class ConversationFigures {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  metrics(actor: Actor, query: ConversationMetricsQuery): Promise<ConversationMetrics> {
    return this.database.alike.ask([actor.organization_id, 'conversation metrics', query], () => this.count(actor, query));
  }

  private async count(actor: Actor, { department_id, queue_id, since }: ConversationMetricsQuery): Promise<ConversationMetrics> {
    const { start } = await periodBounds(this.database, await this.organizations.period(actor, since));
    const values = [actor.organization_id, department_id ?? null, queue_id ?? null, start ?? null];
    const [live] = await this.database.rows<Omit<ConversationMetrics, 'total' | 'resolved' | 'closed' | 'archived' | 'generated_at'>>(
      LIVE,
      values,
    );
    const [over] = await this.database.rows<Pick<ConversationMetrics, 'resolved' | 'closed' | 'archived'>>(ENDED, values);
    const [answers] = await this.database.rows<Pick<ConversationMetrics, 'avg_first_response_seconds'>>(FIRST_ANSWERS, values);
    const total = live.open + live.pending + over.resolved + over.closed;
    return { total, ...live, ...over, ...answers, generated_at: new Date() };
  }

  /** @throws {422} A custom period without its ends. */
  async stats(actor: Actor, query: ConversationStatsQuery): Promise<ConversationStats> {
    const { period = query.from || query.to ? 'custom' : 'today' } = query;
    const bounds = await this.boundsOf(actor, period, query);
    const of = { ...query, period, bounds };
    return this.database.alike.ask([actor.organization_id, 'conversation stats', of], () => this.countPeriod(actor, of));
  }

  private async countPeriod(
    actor: Actor,
    { period, bounds: { start, end = new Date() }, ...chosen }: ConversationStatsQuery & { period: StatsPeriodName; bounds: Bounds },
  ): Promise<ConversationStats> {
    const choices = [chosen.department_id, chosen.queue_id, chosen.agent_id, chosen.whatsapp_number_id].map((id) => id ?? null);
    const values = [actor.organization_id, start ?? null, end, ...choices];
    const shares = await this.database.rows<Share>(COHORT, values);
    const is_narrow = choices.some((id) => id !== null);
    const [messages] = await this.database.rows<Pick<ConversationStats, 'total_messages' | 'messages_sent' | 'messages_received'>>(
      MESSAGES(is_narrow),
      is_narrow ? values : values.slice(0, 3),
    );
    const all = shares.find(({ grouped }) => grouped === 3);
    return {
      period,
      from: start ?? null,
      to: end,
      total_conversations: all?.conversations ?? 0,
      open_conversations: all?.open ?? 0,
      pending_conversations: all?.pending ?? 0,
      resolved_conversations: all?.resolved ?? 0,
      closed_conversations: all?.closed ?? 0,
      archived_conversations: all?.archived ?? 0,
      new_conversations: all?.begun ?? 0,
      reopened_conversations: all?.reopened ?? 0,
      ...messages,
      avg_response_time_minutes: all?.response_minutes ?? null,
      avg_resolution_time_hours: all?.resolution_hours ?? null,
      by_agent: shares
        .flatMap(({ grouped, agent_id, agent_name, conversations, over }): AgentShare[] =>
          grouped === 1 && agent_id !== null ? [{ agent_id, agent_name: agent_name ?? '', conversations, resolved: over }] : [],
        )
        .slice(0, SHARES),
      by_department: shares
        .flatMap(({ grouped, department_id, department_name, conversations, over }): DepartmentShare[] =>
          grouped === 2 && department_id !== null
            ? [{ department_id, department_name: department_name ?? '', conversations, resolved: over }]
            : [],
        )
        .slice(0, SHARES),
    };
  }

  private async boundsOf(actor: Actor, period: StatsPeriodName, { from, to }: ConversationStatsQuery): Promise<Bounds> {
    if (period === 'all') return {};
    if (period === 'custom') {
      for (const [name, value] of Object.entries({ from, to }))
        if (!value) throw Invalid.query(name, `${name} is missing: a custom period has both ends`, 'missing');
      return periodBounds(this.database, await this.organizations.period(actor, from, to));
    }
    const { timezone } = await this.organizations.settings(actor);
    const is_yesterday = period === 'yesterday';
    const [{ start, end }] = await this.database.rows<{ start: Date; end: Date | null }>(
      `SELECT (today - ($2::int - 1 + $3::int) * interval '1 day') AT TIME ZONE $1 AS start,
              CASE WHEN $3 = 1 THEN today AT TIME ZONE $1 - interval '1 millisecond' END AS end
         FROM date_trunc('day', now() AT TIME ZONE $1) AS today`,
      [timezone, PERIODS[period], is_yesterday ? 1 : 0],
    );
    return { start, ...(end && { end }) };
  }
}
