import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { liveOf } from '#modules/conversations/state/moves';
import { moveToQueue } from '#modules/conversations/state/queueing';
import type { QueueBulkDelete } from './queue.dto';
import { Queue } from './queue.entity';
import { RouteQueues } from './routing/route-queues';

/** Queues go; what is open in them goes on elsewhere, or they stay. */
@Injectable()
export class RemoveQueues {
  constructor(
    private readonly database: Database,
    private readonly routing: RouteQueues,
  ) {}

  /** @throws {404} @throws {409} queue_not_empty. @throws {422} move_to_queue_id takes no conversations. */
  async remove(actor: Actor, id: string, move_to_queue_id?: string): Promise<void> {
    await this.database.tx(async (tx) => {
      await this.removeThese(tx, actor, [await this.database.repository(Queue, tx).get(actor, id)], move_to_queue_id);
    });
  }

  /** Those that are there; all of them or none. @throws {404} None is. @throws {409} queue_not_empty. */
  async removeAll(actor: Actor, { queue_ids, move_to_queue_id }: QueueBulkDelete): Promise<void> {
    await this.database.tx(async (tx) => {
      const found = await this.database.repository(Queue, tx).many(actor, queue_ids);
      if (!found.length) throw new NotFound('Queue');
      await this.removeThese(tx, actor, found, move_to_queue_id);
    });
  }

  private async removeThese(tx: Tx, actor: Actor, queues: readonly Queue[], move_to_queue_id: string | undefined): Promise<void> {
    const { organization_id } = actor;
    const ids = queues.map(({ id }) => id);
    const target = move_to_queue_id ? await this.target(tx, actor, ids, move_to_queue_id) : null;
    const open = await liveOf(tx, actor, { queue_id: ids });
    if (open.length && !target)
      throw new Conflict(
        'queue_not_empty',
        'Conversations of the queue are open or pending: name the queue they go to in move_to_queue_id.',
      );
    if (target) await moveToQueue(tx, actor, open, target);
    const gone = await tx.rows<{ id: string }>(
      `UPDATE queues SET deleted_at = now(), updated_at = now()
        WHERE organization_id = $1 AND id = ANY($2) AND deleted_at IS NULL RETURNING id`,
      [organization_id, ids],
    );
    await tx.rows(
      'UPDATE queues SET overflow_queue_id = NULL, updated_at = now() WHERE organization_id = $1 AND overflow_queue_id = ANY($2)',
      [organization_id, ids],
    );
    for (const queue of queues.filter(({ id }) => gone.some((one) => one.id === id))) {
      const { id, name } = queue;
      tx.audit(actor, 'queue.deleted', {
        resource: { id, name },
        before: queue,
        metadata: { moved_to_queue_id: move_to_queue_id ?? null },
      });
      tx.tell('queue.deleted', { organization_id, queue_id: id });
    }
    tx.afterCommit(() => this.routing.wake(organization_id));
  }

  private async target(tx: Tx, actor: Actor, ids: readonly string[], id: string): Promise<Queue> {
    if (ids.includes(id)) throw Invalid.field('move_to_queue_id', 'move_to_queue_id is among those that are deleted.');
    const target = await this.database.repository(Queue, tx).lock(actor, id);
    if (!target.is_active) throw Invalid.field('move_to_queue_id', 'The queue is switched off: it takes no conversations.');
    return target;
  }
}
