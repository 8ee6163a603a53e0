import { type Sql, prepared } from '#database/sql';
import { departmentWaitingRow } from '#modules/conversations/state/queueing';
import { calendarOf } from '#modules/organizations/business-calendar';
import type { BusinessHours } from '#modules/organizations/business-hours';
import { SETTINGS_DEFAULTS } from '#modules/organizations/organization.dto';
import { RoutingMode } from './choose-agent';
import type { RoutedQueue } from './routed-queue';

interface Row {
  id: string;
  name: string;
  routing_mode: RoutingMode;
  auto_assign_conversations: boolean;
  max_conversations_per_agent: number;
  is_on: boolean;
  hours: BusinessHours;
  timezone: string | null;
  offline_message: string | null;
  organization_hours: BusinessHours | null;
  organization_timezone: string | null;
}

const DEPARTMENTS = prepared(`SELECT d.id, d.name, d.routing_mode, d.auto_assign_conversations, d.max_conversations_per_agent,
    d.is_active AND d.deleted_at IS NULL AS is_on, d.business_hours AS hours, d.timezone, d.offline_message,
    g.settings->'business_hours' AS organization_hours, g.settings->>'timezone' AS organization_timezone
   FROM departments d JOIN organizations g ON g.id = d.organization_id
  WHERE d.organization_id = $1 AND d.id = ANY($2)`);

/** Departments by their ids, each as the queue it stands for where it has none: agents take turns and are counted under its id. */
export async function routedDepartments(sql: Sql, organization_id: string, ids: readonly string[]): Promise<Map<string, RoutedQueue>> {
  const rows = ids.length ? await sql.rows<Row>(DEPARTMENTS, [organization_id, ids]) : [];
  return new Map(rows.map((row) => [row.id, routed(row)]));
}

const WITH_WAITING = prepared(`SELECT d.id FROM departments d
  WHERE d.organization_id = $1
    AND EXISTS (SELECT FROM conversations c WHERE c.organization_id = $1 AND c.department_id = d.id AND ${departmentWaitingRow('c')})`);

/** Those in which somebody waits without a queue. */
export async function waitingDepartments(sql: Sql, organization_id: string): Promise<Map<string, RoutedQueue>> {
  const found = await sql.rows<{ id: string }>(WITH_WAITING, [organization_id]);
  return routedDepartments(
    sql,
    organization_id,
    found.map(({ id }) => id),
  );
}

function routed(row: Row): RoutedQueue {
  const { id, name, is_on, routing_mode: mode, offline_message } = row;
  return {
    id,
    name,
    department_id: id,
    priority: 0,
    sla_minutes: null,
    is_on,
    is_deleted: false,
    is_automatic: row.auto_assign_conversations && mode !== RoutingMode.manual,
    settings: {},
    rule: {
      queue_id: id,
      department_id: id,
      mode,
      allowed_agent_ids: [],
      skills_required: [],
      min_proficiency: 1,
      max_in_queue: Infinity,
      max_in_all: row.max_conversations_per_agent,
    },
    calendar: calendarOf([
      { hours: row.hours, timezone: row.timezone },
      { hours: row.organization_hours, timezone: row.organization_timezone ?? SETTINGS_DEFAULTS.timezone },
    ]),
    offline_message,
  };
}
