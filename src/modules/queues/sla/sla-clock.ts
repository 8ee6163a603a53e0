import { Injectable } from '@nestjs/common';
import { breather } from '#common/breath';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, waitingOrganizations } from '#database/due-rows';
import { prepared } from '#database/sql';
import { Facts } from '#events/facts';
import { lookAtEverySlaAgain, noteSla, waitingRow } from '#modules/conversations/state/queueing';
import { isAtWork } from '#modules/organizations/at-work';
import { type RoutedQueue, routedQueues } from '../routing/routed-queue';
import { type SlaLook, lookAt } from './look-at-sla';

const BATCH = 500;
/** Contract 10, 6: `queue.sla`. */
const SWEEP_SECONDS = 30;

interface Due {
  id: string;
  queue_id: string;
  queued_at: Date;
  is_waiting: boolean;
  sla_ends_at: Date | null;
  sla_warned_at: Date | null;
  sla_breached_at: Date | null;
}

const DUE = prepared(`SELECT c.id, c.queue_id, c.queued_at, c.sla_ends_at, c.sla_warned_at, c.sla_breached_at,
    ${waitingRow('c')} AS is_waiting
   FROM conversations c WHERE c.organization_id = $1 AND c.sla_due_at <= now()
  ORDER BY c.sla_due_at LIMIT ${BATCH} FOR NO KEY UPDATE SKIP LOCKED`);

const OVERDUE = `${waitingOrganizations('SELECT organization_id FROM conversations WHERE sla_due_at <= now()')}
  SELECT organization_id, organization_id AS id FROM waiting WHERE organization_id IS NOT NULL LIMIT $1`;

const NEXT = prepared('SELECT min(sla_due_at) AS at FROM conversations WHERE organization_id = $1 AND sla_due_at IS NOT NULL');

/** The clock of every queue's SLA: each conversation that waits has a time at which it is looked at next, and nothing else is. */
@Injectable()
export class SlaClock {
  constructor(
    private readonly database: Database,
    rows: DueRows,
    facts: Facts,
  ) {
    const wake = rows.add({
      name: 'queue-sla',
      concurrency: 2,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: (row) => this.work(row),
      overdue: (limit) => this.database.rows<DueRow>(OVERDUE, [limit]),
    });
    // Their hours may be others.
    facts.reader({
      name: 'queue-sla',
      events: ['department.updated', 'organization.updated'],
      read: async (tx, [{ organization_id }]) => {
        await lookAtEverySlaAgain(tx, organization_id);
        tx.afterCommit(() => wake({ organization_id, id: organization_id }));
      },
    });
  }

  private async work({ organization_id }: DueRow): Promise<number | null> {
    if (!(await isAtWork(this.database, organization_id))) return null;
    const looked = await this.database.tx((tx) => this.look(tx, organization_id));
    if (looked === BATCH) return 0;
    const [{ at }] = await this.database.rows<{ at: Date | null }>(NEXT, [organization_id]);
    // What somebody else held is looked at soon.
    return at && Math.max(1000, at.getTime() - Date.now());
  }

  /** Looks at what is due; answers how many that were. */
  private async look(tx: Tx, organization_id: string): Promise<number> {
    const due = await tx.rows<Due>(DUE, [organization_id]);
    const queues = await routedQueues(tx, organization_id, [...new Set(due.map(({ queue_id }) => queue_id))]);
    const now = new Date();
    const looks: { one: Due; queue: RoutedQueue | undefined; look: SlaLook | null }[] = [];
    const breathe = breather();
    for (const one of due) {
      await breathe();
      const queue = queues.get(one.queue_id);
      looks.push({ one, queue, look: lookOf(one, queue, now) });
    }
    await noteSla(
      tx,
      organization_id,
      looks.map(({ one: { id }, look }) => ({
        id,
        due_at: look?.due_at ?? null,
        ends_at: look?.ends_at ?? null,
        warn: !!look?.warns,
        breach: !!look?.breaches,
      })),
    );
    for (const { one, queue, look } of looks) {
      if (!queue?.sla_minutes || !look) continue;
      const news = {
        organization_id,
        conversation_id: one.id,
        queue_id: queue.id,
        sla_minutes: queue.sla_minutes,
        waited_minutes: round(look.waited_minutes),
        progress: round(look.progress),
      };
      // The SLA or the hours changed: who shows the clock sets it again.
      if (isAnother(one.sla_ends_at, look.ends_at))
        tx.tell('conversation.updated', { organization_id, conversation_id: one.id, user_id: null });
      if (look.warns) tx.tell('sla.warning', news);
      if (look.breaches) tx.tell('sla.breached', news);
    }
    return due.length;
  }
}

/** null: its clock stands still for good. */
function lookOf(one: Due, queue: RoutedQueue | undefined, now: Date): SlaLook | null {
  if (!one.is_waiting || !queue?.sla_minutes) return null;
  return lookAt(queue.calendar, { ...one, sla_minutes: queue.sla_minutes }, now);
}

/** The clocks of PostgreSQL and of here may be a little apart. */
const isAnother = (a: Date | null, b: Date | null): boolean => Math.abs((a?.getTime() ?? 0) - (b?.getTime() ?? 0)) >= 5000;

const round = (value: number): number => Math.round(value * 100) / 100;
