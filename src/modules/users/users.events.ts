import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import { AgentStatusNews } from './user.dto';
import { AgentStatus } from './user.entity';

interface UserHappened {
  organization_id: string;
  user_id: string;
}

/** `status` is what they chose, whether or not a socket of theirs is open. */
interface AgentStatusChanged extends AgentStatusNews {
  organization_id: string;
}

const user = { organization_id: DEMO.organization_id, user_id: DEMO.user_id };
const agent = { agent_id: DEMO.user_id, agent_name: 'Bruno Alves', is_online: true, at: DEMO.time };

export const USER_EVENTS = declareEvents({
  'user.created': event<UserHappened>({ text: 'A user was added to the organization.', sample: user }),
  'user.updated': event<UserHappened>({ text: 'A user, or what they may do, changed.', sample: user }),
  'user.password_changed': event<UserHappened>({
    text: 'A user has another password: of their own choice, by a mailed link, or set by an administrator.',
    sample: user,
  }),
  'user.deleted': event<UserHappened>({ text: 'A user was deleted; their e-mail is free again.', sample: user }),
  'user.left': event<UserHappened & { role: Role }>({
    text: 'A user may no longer answer, deactivated, deleted or a viewer now: their conversations want another agent.',
    sample: { ...user, role: Role.agent },
  }),
  'agent.came': event<{ organization_id: string; agent_id: string }>({
    text: 'An agent is online: the first socket of theirs is open.',
    sample: { organization_id: DEMO.organization_id, agent_id: DEMO.user_id },
    sockets: ['agent:status'],
  }),
  'agent.status_changed': event<AgentStatusChanged>({
    text: 'An agent, or an administrator for them, chose another state.',
    sample: { organization_id: DEMO.organization_id, ...agent, status: AgentStatus.busy, previous_status: AgentStatus.available },
    sockets: ['agent:status'],
  }),
});

/** What the sockets hear of the team. */
export const USER_NEWS = declareSocketEvents({
  'agent:status': {
    text: 'An agent came, went, or chose another state.',
    channel: 'agents',
    payload: AgentStatusNews,
    sample: { ...agent, status: AgentStatus.available, previous_status: AgentStatus.offline },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof USER_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof USER_NEWS> {}
}
