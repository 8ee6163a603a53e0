import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { breather } from '#common/breath';
import { Database } from '#database/database';
import { waitingRow } from '#modules/conversations/state/queueing';
import { type RoutedQueue, routedQueues } from '../routing/routed-queue';
import { ALERTS_DEFAULT, ALERTS_MAX, type SlaAlert, type SlaAlertPage, type SlaAlertQuery } from './sla-alerts.dto';

const THRESHOLD = 0.8;
/** Of an organization, by the clock on the wall: of more than these the shortest waits are left out. */
const LOOKED_AT = 1000;

interface Waiting {
  id: string;
  queue_id: string;
  queued_at: Date;
}

/** A wait, measured. */
interface Measured extends Waiting {
  queue: RoutedQueue;
  sla_minutes: number;
  waited_minutes: number;
  progress: number;
}

// Nobody has waited for more open minutes than minutes.
const WAITING = `SELECT c.id, c.queue_id, c.queued_at FROM queues q
   JOIN conversations c ON c.organization_id = q.organization_id AND c.queue_id = q.id AND ${waitingRow('c')}
    AND c.queued_at <= now() - q.sla_minutes * $4::float8 * interval '1 minute'
  WHERE q.organization_id = $1 AND q.deleted_at IS NULL AND q.sla_minutes IS NOT NULL
    AND ($2::uuid IS NULL OR q.department_id = $2) AND ($3::uuid IS NULL OR q.id = $3)
  ORDER BY extract(epoch FROM now() - c.queued_at) / q.sla_minutes DESC LIMIT ${LOOKED_AT + 1}`;

const SHOWN = `SELECT c.id, c.contact_id, c.priority, coalesce(k.name, k.whatsapp_name, '@' || k.username) AS contact_name, k.whatsapp_id AS contact_phone
   FROM conversations c LEFT JOIN contacts k ON k.organization_id = $1 AND k.id = c.contact_id WHERE c.organization_id = $1 AND c.id = ANY($2)`;

/** Which conversations wait too long, by the hours of their queues: what the clock of the SLA tells, to be read at any time. */
@Injectable()
export class SlaAlerts {
  constructor(private readonly database: Database) {}

  /** Those whose SLA is gone most first. */
  page(actor: Actor, query: SlaAlertQuery): Promise<SlaAlertPage> {
    return this.database.alike.ask([actor.organization_id, 'sla alerts', query], () => this.read(actor, query));
  }

  private async read({ organization_id }: Actor, query: SlaAlertQuery): Promise<SlaAlertPage> {
    const { department_id = null, queue_id = null, nearing_threshold = THRESHOLD } = query;
    const waiting = await this.database.rows<Waiting>(WAITING, [organization_id, department_id, queue_id, nearing_threshold]);
    const measured = await this.measure(organization_id, waiting.slice(0, LOOKED_AT));
    const near = measured
      .filter(({ progress }) => progress >= nearing_threshold)
      .sort((a, b) => b.progress - a.progress || a.queued_at.getTime() - b.queued_at.getTime() || (a.id < b.id ? -1 : 1));
    const limit = Math.min(query.limit ?? ALERTS_DEFAULT, ALERTS_MAX);
    const skip = query.skip ?? ((query.page ?? 1) - 1) * limit;
    return {
      items: await this.show(organization_id, near.slice(skip, skip + limit)),
      total: near.length,
      page: Math.floor(skip / limit) + 1,
      page_size: limit,
      total_pages: Math.ceil(near.length / limit),
      next_cursor: null,
      ...(waiting.length > LOOKED_AT && { total_is_estimate: true }),
    };
  }

  /** In each queue from the shortest wait to the longest: no hour of its calendar is looked at twice. */
  private async measure(organization_id: string, waiting: readonly Waiting[]): Promise<Measured[]> {
    const queues = await routedQueues(this.database, organization_id, [...new Set(waiting.map(({ queue_id }) => queue_id))]);
    const measured: Measured[] = [];
    const breathe = breather();
    for (const [queue_id, some] of Map.groupBy(waiting, (one) => one.queue_id)) {
      const queue = queues.get(queue_id);
      if (!queue?.sla_minutes) continue;
      const { calendar, sla_minutes } = queue;
      let [waited_minutes, until] = [0, new Date()];
      for (const one of some.sort((a, b) => b.queued_at.getTime() - a.queued_at.getTime())) {
        await breathe();
        waited_minutes += calendar.openBetween(one.queued_at, until);
        until = one.queued_at;
        measured.push({ ...one, queue, sla_minutes, waited_minutes, progress: waited_minutes / sla_minutes });
      }
    }
    return measured;
  }

  private async show(organization_id: string, near: readonly Measured[]): Promise<SlaAlert[]> {
    type Shown = Pick<SlaAlert, 'contact_id' | 'contact_name' | 'contact_phone' | 'priority'> & { id: string };
    const rows = near.length ? await this.database.rows<Shown>(SHOWN, [organization_id, near.map(({ id }) => id)]) : [];
    const shown = new Map(rows.map(({ id, ...row }) => [id, row]));
    return near.flatMap(({ id, queue, sla_minutes, queued_at, waited_minutes, progress }): SlaAlert[] => {
      const row = shown.get(id);
      if (!row) return [];
      return [
        {
          conversation_id: id,
          ...row,
          queue_id: queue.id,
          queue_name: queue.name,
          department_id: queue.department_id,
          sla_minutes,
          queued_at,
          waited_minutes: round(waited_minutes),
          progress: round(progress),
          severity: progress >= 1 ? 'critical' : 'warning',
        },
      ];
    });
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;
