import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { type PageQuery, pageWindow, parseSort, toPage } from '#common/page.dto';
import { Database } from '#database/database';
import { prepared } from '#database/sql';
import { escapeLike } from '#database/tenant-repository';
import { activeRow } from '#modules/conversations/state/active';
import { satisfaction } from '#modules/conversations/state/rating';
import { waitingRow } from '#modules/conversations/state/queueing';
import { agentSummaries } from '#modules/departments/agent-summaries';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { figuresOf, seconds } from './queue-figures';
import type { QueueAgentPage } from './queue.dto';
import type { DayOccupancy, HourVolume, QueueMetrics, QueueStats } from './queue-reports.dto';
import { Queue } from './queue.entity';
import { obstaclesOf } from './routing/choose-agent';
import { someAgents } from './routing/routed-agents';
import { type RoutedQueue, routedQueues } from './routing/routed-queue';

const DAYS_DEFAULT = 30;
/** Of a queue's own team; nobody has more. */
const TEAM_MAX = 1000;

const WAITING = prepared(`SELECT extract(epoch FROM now() - min(c.queued_at))::int AS longest_wait_seconds,
    count(*) FILTER (WHERE c.sla_breached_at IS NOT NULL)::int AS sla_breached,
    count(*) FILTER (WHERE c.sla_breached_at IS NULL AND c.sla_warned_at IS NOT NULL)::int AS sla_warning
   FROM conversations c WHERE c.organization_id = $1 AND c.queue_id = $2 AND ${waitingRow('c')}`);

const over = `c.status IN ('resolved', 'closed')`;
const took = seconds('c.queued_at', 'c.assigned_at');
const since = (days: number): string => `count(*) FILTER (WHERE c.queued_at >= $4::timestamptz - interval '${days} days')::int`;
/** Its clock has come to an end: it has an agent, is over, or the time is gone. */
const judged = `$6::int IS NOT NULL AND (c.assigned_at >= c.queued_at OR c.sla_breached_at IS NOT NULL OR ${over})`;

/** Over what entered in the period $3 to $4; today begins at $5, and the last 30 days may be longer than the period. */
const within = (condition: string): string => `FILTER (WHERE c.queued_at >= $3 AND ${condition})`;
const METRICS = `SELECT count(*) ${within('true')}::int AS total_conversations,
         count(*) FILTER (WHERE c.queued_at >= $5)::int AS conversations_today,
         ${since(7)} AS conversations_last_7_days,
         ${since(30)} AS conversations_last_30_days,
         count(*) ${within(waitingRow('c'))}::int AS queued_conversations,
         count(*) ${within(`${activeRow('c')} AND c.current_agent_id IS NOT NULL`)}::int AS active_conversations,
         (avg(${took}) ${within('c.assigned_at >= c.queued_at')})::int AS average_wait_time_seconds,
         (percentile_cont(0.5) WITHIN GROUP (ORDER BY ${took}) ${within('c.assigned_at >= c.queued_at')})::int AS median_wait_time_seconds,
         (avg(${seconds('c.queued_at', 'c.queue_answered_at')}) ${within('c.queue_answered_at >= c.queued_at')})::int AS average_response_time_seconds,
         (avg(c.resolution_time_seconds) ${within(over)})::int AS average_resolution_time_seconds,
         count(*) ${within('c.sla_breached_at IS NOT NULL')}::int AS sla_violations,
         count(*) ${within(judged)}::int AS judged,
         ${satisfaction('c', 'c.queued_at >= $3')} AS customer_satisfaction_score,
         count(*) ${within(over)}::int AS completed
    FROM conversations c
   WHERE c.organization_id = $1 AND c.queue_id = $2 AND c.queued_at >= least($3::timestamptz, $4::timestamptz - interval '30 days') AND c.queued_at <= $4`;

const HOURS = `SELECT extract(hour FROM c.queued_at AT TIME ZONE $3)::int AS hour, count(*)::int AS count
   FROM conversations c WHERE c.organization_id = $1 AND c.queue_id = $2 AND c.queued_at > now() - interval '24 hours' GROUP BY 1`;

const DAYS = `SELECT to_char(day, 'YYYY-MM-DD') AS day, queued, capacity, overflowed FROM queue_days
  WHERE organization_id = $1 AND queue_id = $2 AND day >= ($3::timestamptz AT TIME ZONE $4)::date ORDER BY day`;

/** Who may be its agents: those named, else the department's; by name. */
const TEAM = prepared(`SELECT u.id FROM users u
   WHERE u.organization_id = $1 AND u.deleted_at IS NULL AND u.role IN ('agent', 'org_admin')
     AND (u.id = ANY($2::uuid[]) OR EXISTS (SELECT FROM department_agents a WHERE a.organization_id = $1 AND a.department_id = $3 AND a.user_id = u.id))
     AND ($4::text IS NULL OR fold(u.full_name) LIKE fold($4) OR fold(u.email) LIKE fold($4))
   ORDER BY u.full_name, u.id LIMIT ${TEAM_MAX}`);

/** How queues do. */
@Injectable()
export class QueueReports {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  async stats(actor: Actor, id: string): Promise<QueueStats> {
    const queue = await this.routed(actor, id);
    const { organization_id } = actor;
    const [figures, [waiting], team] = [
      await figuresOf(this.database, organization_id, [id]),
      await this.database.rows<Pick<QueueStats, 'longest_wait_seconds' | 'sla_breached' | 'sla_warning'>>(WAITING, [organization_id, id]),
      await someAgents(this.database, organization_id, await this.team(actor, queue)),
    ];
    const {
      total_conversations = 0,
      queued_conversations = 0,
      active_conversations = 0,
      completed_conversations = 0,
      average_wait_time_seconds = null,
    } = figures.get(id) ?? {};
    return {
      queue_id: id,
      waiting: queued_conversations,
      queued_conversations,
      active_conversations,
      completed_conversations,
      total_conversations,
      average_wait_time_seconds,
      ...waiting,
      agents_online: team.filter(({ is_active, is_online }) => is_active && is_online).length,
      agents_available: team.filter((agent) => !obstaclesOf(queue.rule, agent).length).length,
      is_open: queue.calendar.isOpen(new Date()),
    };
  }

  async metrics(actor: Actor, id: string, days = DAYS_DEFAULT): Promise<QueueMetrics> {
    const { organization_id } = actor;
    const queue = await this.routed(actor, id);
    const { timezone } = await this.organizations.settings(actor);
    const [{ period_start, today }] = await this.database.rows<{ period_start: Date; today: Date }>(
      `SELECT date_trunc('day', now() AT TIME ZONE $1) AT TIME ZONE $1 AS today,
              (date_trunc('day', now() AT TIME ZONE $1) - ($2::int - 1) * interval '1 day') AT TIME ZONE $1 AS period_start`,
      [timezone, days],
    );
    const period_end = new Date();
    const [counted] = await this.database.rows<Counted>(METRICS, [organization_id, id, period_start, period_end, today, queue.sla_minutes]);
    const hours = await this.database.rows<HourVolume>(HOURS, [organization_id, id, timezone]);
    const trend = await this.database.rows<Day>(DAYS, [organization_id, id, period_start, timezone]);
    const { judged, completed, ...figures } = counted;
    const overflow_events = trend.reduce((sum, { overflowed }) => sum + overflowed, 0);
    const total = figures.total_conversations;
    return {
      queue_id: id,
      queue_name: queue.name,
      ...figures,
      sla_minutes: queue.sla_minutes,
      sla_compliance_rate: percent(judged - figures.sla_violations, judged),
      resolution_rate: percent(completed, total),
      volume_by_hour: Array.from({ length: 24 }, (_, hour) => ({ hour, count: hours.find((row) => row.hour === hour)?.count ?? 0 })),
      overflow_events,
      overflow_rate: percent(overflow_events, total + overflow_events),
      occupancy_trend: trend.flatMap(({ day, queued, capacity }): DayOccupancy[] =>
        capacity === null ? [] : [{ day, queued, capacity, occupancy_percent: percent(queued, capacity) ?? 0 }],
      ),
      period_start,
      period_end,
    };
  }

  /** Its team by name, each with what is against them. */
  async agents(actor: Actor, id: string, query: PageQuery): Promise<QueueAgentPage> {
    const queue = await this.routed(actor, id);
    const [, direction] = parseSort(query.sort ?? 'full_name:asc', ['full_name']);
    const team = await this.team(actor, queue, query.search);
    if (direction === 'DESC') team.reverse();
    const { skip, limit } = pageWindow(query);
    const ids = team.slice(skip, skip + limit);
    const known = new Map((await someAgents(this.database, actor.organization_id, ids)).map((agent) => [agent.id, agent]));
    const items = (await agentSummaries(this.database, actor, ids)).map((summary) => {
      const agent = known.get(summary.id);
      const reasons = agent ? obstaclesOf(queue.rule, agent) : [];
      return { ...summary, eligible: !reasons.length, reasons };
    });
    return toPage({ items, next_cursor: null }, { total: team.length, is_estimate: false }, query);
  }

  /** @throws {NotFound} */
  private async routed(actor: Actor, id: string): Promise<RoutedQueue> {
    await this.database.repository(Queue).get(actor, id);
    const [queue] = (await routedQueues(this.database, actor.organization_id, [id])).values();
    return queue;
  }

  private async team({ organization_id }: Actor, { rule }: RoutedQueue, search?: string): Promise<string[]> {
    const rows = await this.database.rows<{ id: string }>(TEAM, [
      organization_id,
      rule.allowed_agent_ids,
      rule.department_id,
      likeOf(search),
    ]);
    return rows.map(({ id }) => id);
  }
}

type Counted = Pick<
  QueueMetrics,
  | 'total_conversations'
  | 'conversations_today'
  | 'conversations_last_7_days'
  | 'conversations_last_30_days'
  | 'queued_conversations'
  | 'active_conversations'
  | 'average_wait_time_seconds'
  | 'median_wait_time_seconds'
  | 'average_response_time_seconds'
  | 'average_resolution_time_seconds'
  | 'sla_violations'
  | 'customer_satisfaction_score'
> & { judged: number; completed: number };

type Day = Pick<DayOccupancy, 'day' | 'queued'> & { capacity: number | null; overflowed: number };

/** What holds a search's words; null: no search. */
export const likeOf = (search: string | undefined): string | null => (search?.trim() ? `%${escapeLike(search.trim())}%` : null);

const percent = (part: number, whole: number): number | null => (whole > 0 ? Math.round((part / whole) * 10_000) / 100 : null);
