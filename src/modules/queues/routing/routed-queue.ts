import { type Sql, prepared } from '#database/sql';
import { waitingRow } from '#modules/conversations/state/queueing';
import { skillKey } from '#modules/agent-skills/agent-skill.entity';
import { type BusinessCalendar, calendarOf } from '#modules/organizations/business-calendar';
import type { BusinessHours } from '#modules/organizations/business-hours';
import { SETTINGS_DEFAULTS } from '#modules/organizations/organization.dto';
import type { QueueChoice } from '../queue.dto';
import type { QueueSettings } from '../queue-settings.dto';
import { RoutingMode, type RoutingRule } from './choose-agent';

/** A queue as routing sees it; or a department without one (`routed-department.ts`), whose id it is then. */
export interface RoutedQueue {
  id: string;
  name: string;
  department_id: string;
  priority: number;
  sla_minutes: number | null;
  /** It and its department are on, and not deleted. */
  is_on: boolean;
  is_deleted: boolean;
  /** Somebody is chosen; else agents pull. */
  is_automatic: boolean;
  settings: QueueSettings;
  rule: RoutingRule;
  calendar: BusinessCalendar;
  /** What is said to who comes while it is closed. */
  offline_message: string | null;
}

interface Row {
  id: string;
  name: string;
  department_id: string;
  priority: number;
  sla_minutes: number | null;
  routing_mode: RoutingMode;
  auto_assign_conversations: boolean;
  max_conversations_per_agent: number;
  settings: QueueSettings;
  is_on: boolean;
  is_deleted: boolean;
  department_max: number;
  department_hours: BusinessHours;
  department_timezone: string | null;
  department_offline_message: string | null;
  organization_hours: BusinessHours | null;
  organization_timezone: string | null;
}

const QUEUES = prepared(`SELECT q.id, q.name, q.department_id, q.priority, q.sla_minutes, q.routing_mode, q.auto_assign_conversations,
    q.max_conversations_per_agent, q.settings, q.deleted_at IS NOT NULL AS is_deleted,
    q.is_active AND q.deleted_at IS NULL AND d.is_active AND d.deleted_at IS NULL AS is_on,
    d.max_conversations_per_agent AS department_max, d.business_hours AS department_hours, d.timezone AS department_timezone,
    d.offline_message AS department_offline_message, g.settings->'business_hours' AS organization_hours, g.settings->>'timezone' AS organization_timezone
   FROM queues q
   JOIN departments d ON d.organization_id = q.organization_id AND d.id = q.department_id
   JOIN organizations g ON g.id = q.organization_id
  WHERE q.organization_id = $1 AND q.id = ANY($2)`);

/** Queues by their ids, deleted ones too. */
export async function routedQueues(sql: Sql, organization_id: string, ids: readonly string[]): Promise<Map<string, RoutedQueue>> {
  const rows = ids.length ? await sql.rows<Row>(QUEUES, [organization_id, ids]) : [];
  return new Map(rows.map((row) => [row.id, routed(row)]));
}

const WITH_WAITING = `SELECT q.id FROM queues q
  WHERE q.organization_id = $1 AND ($2::uuid IS NULL OR q.id = $2) AND ($3::uuid IS NULL OR q.department_id = $3)
    AND EXISTS (SELECT FROM conversations c WHERE c.organization_id = $1 AND c.queue_id = q.id AND ${waitingRow('c')})`;

/** Those in which somebody waits, deleted ones too. */
export async function waitingQueues(
  sql: Sql,
  organization_id: string,
  { queue_id, department_id }: QueueChoice = {},
): Promise<Map<string, RoutedQueue>> {
  const found = await sql.rows<{ id: string }>(WITH_WAITING, [organization_id, queue_id ?? null, department_id ?? null]);
  return routedQueues(
    sql,
    organization_id,
    found.map(({ id }) => id),
  );
}

function routed(row: Row): RoutedQueue {
  const { id, name, department_id, priority, sla_minutes, is_on, is_deleted, settings } = row;
  const { allowed_agent_ids = [], skills_required = [], min_proficiency = 1 } = settings;
  return {
    id,
    name,
    department_id,
    priority,
    sla_minutes,
    is_on,
    is_deleted,
    is_automatic: row.auto_assign_conversations && row.routing_mode !== RoutingMode.manual,
    settings,
    rule: {
      queue_id: id,
      department_id,
      mode: row.routing_mode,
      allowed_agent_ids,
      skills_required: skills_required.map(skillKey),
      min_proficiency,
      max_in_queue: row.max_conversations_per_agent,
      max_in_all: row.department_max,
    },
    calendar: calendarOf([
      { hours: settings.business_hours },
      { hours: row.department_hours, timezone: row.department_timezone },
      { hours: row.organization_hours, timezone: row.organization_timezone ?? SETTINGS_DEFAULTS.timezone },
    ]),
    offline_message: settings.offline_message ?? row.department_offline_message,
  };
}
