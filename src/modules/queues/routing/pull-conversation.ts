import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { Conflict, Forbidden, NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import type { ConversationView } from '#modules/conversations/conversation.dto';
import { Conversation } from '#modules/conversations/conversation.entity';
import { ConversationsService } from '#modules/conversations/conversations.service';
import { assign } from '#modules/conversations/state/moves';
import { waitingRow } from '#modules/conversations/state/queueing';
import { Department } from '#modules/departments/department.entity';
import { Queue } from '../queue.entity';
import { endOffer } from '../offers/end-offer';
import type { QueueChoice } from '../queue.dto';
import { type Obstacle, isAtCapacity, obstaclesOf } from './choose-agent';
import { type TeamMember, heldAgent, takeTurns } from './routed-agents';
import { type RoutedQueue, waitingQueues } from './routed-queue';

/** The next in serving order; who is taking one holds it, and others get the one after it. */
const NEXT = `SELECT c.id, c.queue_id FROM conversations c
  WHERE c.organization_id = $1 AND c.queue_id = ANY($2) AND ${waitingRow('c')}
    AND NOT EXISTS (SELECT FROM queue_offers o
                     WHERE o.organization_id = $1 AND o.conversation_id = c.id AND o.status = 'offered' AND o.expires_at > now() AND o.agent_id <> $3)
  ORDER BY c.queue_priority DESC, c.queued_at, c.id LIMIT 1 FOR NO KEY UPDATE OF c SKIP LOCKED`;

/** Whoever pulls wants it now, whatever their status says; administrators serve every department. */
const IGNORED: readonly Obstacle[] = ['offline', 'not_available', 'at_capacity'];

/** An agent takes the next conversation that waits (contract 10, 6, Pull). */
@Injectable()
export class PullConversation {
  constructor(
    private readonly database: Database,
    private readonly conversations: ConversationsService,
  ) {}

  /** @throws {404} queue_empty, or a queue or department that is not there. @throws {409} queue_closed, agent_at_capacity. */
  async pull(actor: Actor, choice: QueueChoice): Promise<ConversationView> {
    const { user_id, organization_id } = actor;
    const { queue_id, department_id } = choice;
    if (!user_id) throw new Forbidden();
    const id = await this.database.tx(async (tx) => {
      if (queue_id) await new TenantRepository(tx, Queue).get(actor, queue_id);
      if (department_id) await new TenantRepository(tx, Department).get(actor, department_id);
      const agent = await heldAgent(tx, organization_id, user_id);
      // A super admin is nobody's agent.
      if (!agent) throw empty();
      const queues = await waitingQueues(tx, organization_id, choice);
      const next = await this.next(tx, actor, agent, servable(agent, [...queues.values()]));
      const conversation = await new TenantRepository(tx, Conversation).get(actor, next.id);
      await endOffer(tx, organization_id, next.id, user_id);
      await assign(tx, actor, conversation, user_id);
      await takeTurns(tx, organization_id, [{ queue_id: next.queue_id, agent_id: user_id }]);
      tx.audit(actor, 'queue.pulled', {
        resource: { id: next.queue_id, name: queues.get(next.queue_id)?.name },
        before: { current_agent_id: conversation.current_agent_id },
        after: { current_agent_id: user_id },
        metadata: { conversation_id: next.id },
      });
      return next.id;
    });
    return this.conversations.get(actor, id);
  }

  private async next(tx: Tx, actor: Actor, agent: TeamMember, queues: readonly RoutedQueue[]): Promise<{ id: string; queue_id: string }> {
    if (!queues.length) throw empty();
    const now = new Date();
    const open = queues.filter(({ calendar }) => calendar.isOpen(now));
    if (!open.length) throw new Conflict('queue_closed', 'Conversations wait, in queues that are closed now.');
    const free = open.filter(({ rule }) => !isAtCapacity(rule, agent));
    if (!free.length) throw new Conflict('agent_at_capacity', 'You have as many conversations as you may. Close one first.');
    const [next] = await tx.rows<{ id: string; queue_id: string } | undefined>(NEXT, [
      actor.organization_id,
      free.map(({ id }) => id),
      agent.id,
    ]);
    if (!next) throw empty();
    return next;
  }
}

/** Queues that are on and whose conversations the agent may have. */
function servable(agent: TeamMember, queues: readonly RoutedQueue[]): RoutedQueue[] {
  const ignored: readonly Obstacle[] = agent.role === Role.agent ? IGNORED : [...IGNORED, 'not_in_department'];
  return queues.filter(({ is_on, rule }) => is_on && obstaclesOf(rule, agent).every((obstacle) => ignored.includes(obstacle)));
}

const empty = (): NotFound => new NotFound('Conversation', 'queue_empty', 'No conversation waits that you may serve.');
