import type { Role } from '#common/actor';
import type { AgentStatus } from './user.entity';

declare module '#common/events' {
  interface Events {
    'user.created': { organization_id: string; user_id: string };
    'user.updated': { organization_id: string; user_id: string };
    /** May no longer answer: deactivated, or a viewer now. Their conversations want another agent. */
    'user.left': { organization_id: string; user_id: string; role: Role };
    /** Chosen by the agent or an administrator; `status` is `offline` while no socket of theirs is open. */
    'agent.status_changed': {
      organization_id: string;
      agent_id: string;
      agent_name: string;
      status: AgentStatus;
      previous_status: AgentStatus;
      is_online: boolean;
      at: Date;
    };
  }
}
