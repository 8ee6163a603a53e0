import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import type { AgentChange } from './department-agents';
import { DepartmentGone, DepartmentView } from './department.dto';
import { DepartmentRouting } from './department.entity';

interface DepartmentHappened {
  organization_id: string;
  department: DepartmentView;
}

interface DepartmentDeleted extends DepartmentGone {
  organization_id: string;
}

interface DepartmentAgentsChanged extends AgentChange {
  organization_id: string;
}

const { organization_id, department_id, user_id } = DEMO;

const DEPARTMENT: DepartmentView = {
  id: department_id,
  organization_id,
  name: 'Vendas',
  slug: 'vendas',
  description: null,
  icon: null,
  color: '#3B82F6',
  is_active: true,
  business_hours: {},
  timezone: null,
  offline_message: null,
  routing_mode: DepartmentRouting.round_robin,
  auto_assign_conversations: true,
  max_conversations_per_agent: 10,
  settings: {},
  agent_ids: [user_id],
  total_agents: 1,
  total_conversations: 0,
  active_conversations: 0,
  queued_conversations: 0,
  average_response_time_seconds: null,
  average_resolution_time_seconds: null,
  customer_satisfaction_score: null,
  created_at: DEMO.time,
  updated_at: DEMO.time,
};
const sample: DepartmentHappened = { organization_id, department: DEPARTMENT };
const gone: DepartmentGone = { department_id, moved_to_department_id: null };

export const DEPARTMENT_EVENTS = declareEvents({
  'department.created': event<DepartmentHappened>({ text: 'A department was added.', sample, sockets: ['department:updated'] }),
  'department.updated': event<DepartmentHappened>({
    text: 'A department, or who answers for it, changed.',
    sample,
    sockets: ['department:updated'],
  }),
  'department.agents_changed': event<DepartmentAgentsChanged>({
    text: 'Agents came to a department or left it.',
    sample: { organization_id, department_id, added: [user_id], removed: [] },
  }),
  'department.deleted': event<DepartmentDeleted>({
    text: 'A department was deleted, or became part of another one.',
    sample: { organization_id, ...gone },
    sockets: ['department:deleted'],
  }),
});

/** What the sockets hear of the departments. */
export const DEPARTMENT_NEWS = declareSocketEvents({
  'department:updated': {
    text: 'A department was added, or it or who answers for it changed.',
    channel: 'agents',
    payload: DepartmentView,
    sample: DEPARTMENT,
  },
  'department:deleted': {
    text: 'A department was deleted, or became part of another one.',
    channel: 'agents',
    payload: DepartmentGone,
    sample: gone,
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof DEPARTMENT_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof DEPARTMENT_NEWS> {}
}
