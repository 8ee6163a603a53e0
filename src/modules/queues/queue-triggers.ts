import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { RouteQueues } from './routing/route-queues';

/** Contract 10, 6: when somebody may be free, or something waits, it is looked who gets what. */
const OCCASIONS = [
  'conversation.queued',
  'conversation.department_entered',
  'conversation.assigned',
  'conversation.resolved',
  'conversation.closed',
  'agent.status_changed',
  'agent.came',
  'agent_skill.added',
  'agent_skill.updated',
  'agent_skill.replaced',
  'department.updated',
  'department.agents_changed',
  'user.updated',
  'organization.updated',
  'queue.offer_ended',
] as const;

/** Wakes the routing. A lost wake-up costs half a minute: the sweep comes anyway. */
@Injectable()
export class QueueTriggers implements OnModuleInit {
  constructor(
    private readonly events: EventBus,
    private readonly routing: RouteQueues,
  ) {}

  onModuleInit(): void {
    for (const name of OCCASIONS) this.events.on(name, ({ organization_id }) => this.routing.wake(organization_id));
  }
}
