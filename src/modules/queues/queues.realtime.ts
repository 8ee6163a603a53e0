import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '#common/events';
import { Database } from '#database/database';
import { prepared } from '#database/sql';
import { activeRow } from '#modules/conversations/state/active';
import { waitingRow } from '#modules/conversations/state/queueing';
import { RealtimeHub } from '#realtime/realtime.hub';
import type { QueueNews } from './queue-news.dto';

/** Queues that change together are counted together. */
const GATHER_MS = 250;

const COUNTS = prepared(`SELECT q.id AS queue_id,
    count(c.id) FILTER (WHERE ${waitingRow('c')})::int AS waiting,
    min(c.queued_at) FILTER (WHERE ${waitingRow('c')}) AS waiting_since,
    count(c.id) FILTER (WHERE c.current_agent_id IS NOT NULL)::int AS active
   FROM queues q
   LEFT JOIN conversations c ON c.organization_id = q.organization_id AND c.queue_id = q.id AND ${activeRow('c')}
  WHERE q.organization_id = $1 AND q.deleted_at IS NULL
    AND (q.id = ANY($2) OR q.id IN (SELECT k.queue_id FROM conversations k WHERE k.organization_id = $1 AND k.id = ANY($3) AND k.queue_id IS NOT NULL))
  GROUP BY q.id`);

interface Changed {
  queue_ids: Set<string>;
  conversation_ids: Set<string>;
}

/** What the sockets hear of the queues (contract 10, 6, Events). */
@Injectable()
export class QueuesRealtime implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(QueuesRealtime.name);
  private changed = new Map<string, Changed>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly hub: RealtimeHub,
    private readonly events: EventBus,
  ) {}

  onModuleInit(): void {
    for (const name of ['queue.created', 'queue.updated', 'conversation.queued', 'conversation.dequeued'] as const)
      this.events.on(name, ({ organization_id, queue_id }) => void this.of(organization_id)?.queue_ids.add(queue_id));
    for (const name of [
      'conversation.assigned',
      'conversation.resolved',
      'conversation.closed',
      'conversation.reopened',
      'conversation.status',
      'conversation.updated',
    ] as const)
      this.events.on(name, ({ organization_id, conversation_id }) => void this.of(organization_id)?.conversation_ids.add(conversation_id));
    this.events.on('sla.warning', ({ organization_id, ...data }) => this.hub.publish({ organization_id, event: 'sla:warning', data }));
    this.events.on('sla.breached', ({ organization_id, ...data }) => this.hub.publish({ organization_id, event: 'sla:breached', data }));
    this.events.on('queue.offered', ({ organization_id, ...data }) => this.hub.publish({ organization_id, event: 'queue:offer', data }));
    this.events.on('queue.offer_ended', ({ organization_id, ...data }) =>
      this.hub.publish({ organization_id, event: 'queue:offer_ended', data }),
    );
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  /** What is told of an organization soon; undefined: nobody would hear it. */
  private of(organization_id: string): Changed | undefined {
    if (!this.hub.mayBeHeard(organization_id)) return undefined;
    let changed = this.changed.get(organization_id);
    if (!changed) this.changed.set(organization_id, (changed = { queue_ids: new Set(), conversation_ids: new Set() }));
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS);
    return changed;
  }

  private async flush(): Promise<void> {
    this.timer = undefined;
    const { changed } = this;
    this.changed = new Map();
    for (const [organization_id, { queue_ids, conversation_ids }] of changed)
      try {
        const counts = await this.database.rows<QueueNews>(COUNTS, [organization_id, [...queue_ids], [...conversation_ids]]);
        for (const data of counts) this.hub.publish({ organization_id, event: 'queue:updated', data });
      } catch (error) {
        this.logger.warn({ msg: 'queue events not told', err: error });
      }
  }
}
