import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { breather } from '#common/breath';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, type Wake, waitingOrganizations } from '#database/due-rows';
import { type Sql, prepared } from '#database/sql';
import type { Conversation } from '#modules/conversations/conversation.entity';
import { type Assignment, assignAll } from '#modules/conversations/state/moves';
import { departmentWaitingRow, queueAgain, waitingRow } from '#modules/conversations/state/queueing';
import { isAtWork } from '#modules/organizations/at-work';
import { TenantRepository } from '#database/tenant-repository';
import { OfferStatus, QueueOffer } from '../offers/queue-offer.entity';
import { noteOccupancy } from '../queue-days';
import { chooseAgent, obstaclesOf } from './choose-agent';
import { readyAgents, takeTurns } from './routed-agents';
import { waitingDepartments } from './routed-department';
import { type RoutedQueue, waitingQueues } from './routed-queue';

/** Advisory lock class: one process at a time routes an organization. */
const ROUTING = 0x7079_7274;
/** Of a queue and of all of them, looked at in one transaction: agents are held while it lasts. */
const OF_A_QUEUE = 500;
const AT_ONCE = 1000;
/** Contract 10, 6: `queue.route`. */
const SWEEP_SECONDS = 30;

type Waiting = Pick<
  Conversation,
  'id' | 'organization_id' | 'contact_id' | 'status' | 'is_bot_active' | 'current_agent_id' | 'whatsapp_number_id' | 'queue_priority'
> & { /** Or the department's, where it waits there without one. */ queue_id: string; queued_at: Date };

const COLUMNS =
  'c.id, c.organization_id, c.contact_id, c.status, c.is_bot_active, c.current_agent_id, c.whatsapp_number_id, c.queue_priority, c.queued_at';

/** What waits in queues, and in departments without one, and is held out to nobody, in the order it is served. */
const WAITING = `SELECT w.* FROM queues q
   CROSS JOIN LATERAL (
     SELECT ${COLUMNS}, c.queue_id FROM conversations c
      WHERE c.organization_id = q.organization_id AND c.queue_id = q.id AND ${waitingRow('c')}
        AND NOT EXISTS (SELECT FROM queue_offers o WHERE o.organization_id = $1 AND o.conversation_id = c.id AND o.status = 'offered')
      ORDER BY c.queue_priority DESC, c.queued_at LIMIT ${OF_A_QUEUE}) w
  WHERE q.organization_id = $1 AND q.id = ANY($2)
  UNION ALL
  SELECT w.* FROM departments d
   CROSS JOIN LATERAL (
     SELECT ${COLUMNS}, c.department_id FROM conversations c
      WHERE c.organization_id = d.organization_id AND c.department_id = d.id AND ${departmentWaitingRow('c')}
      ORDER BY c.queue_priority DESC, c.queued_at LIMIT ${OF_A_QUEUE}) w
  WHERE d.organization_id = $1 AND d.id = ANY($2)
  ORDER BY queue_priority DESC, queued_at, id LIMIT ${AT_ONCE}`;

/** Who is at one of them goes on with it: its turn comes again. */
const HOLD = `SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.id = ANY($2) AND (${waitingRow('c')} OR ${departmentWaitingRow('c')})
  ORDER BY c.id FOR NO KEY UPDATE SKIP LOCKED`;

const LAST_AGENTS = prepared(`SELECT asked.id, last.agent_id
   FROM unnest($2::uuid[], $3::uuid[], $4::int[]) AS asked(id, contact_id, days)
   CROSS JOIN LATERAL (
     SELECT c.current_agent_id AS agent_id FROM conversations c
      WHERE c.organization_id = $1 AND c.contact_id = asked.contact_id AND c.id <> asked.id AND c.current_agent_id IS NOT NULL
        AND c.assigned_at > now() - asked.days * interval '1 day'
      ORDER BY c.assigned_at DESC LIMIT 1) last`);

const DECLINED = prepared(`SELECT o.conversation_id, o.agent_id, o.status FROM queue_offers o
   JOIN conversations c ON c.organization_id = $1 AND c.id = o.conversation_id AND o.created_at >= c.queued_at
  WHERE o.organization_id = $1 AND o.conversation_id = ANY($2) AND o.status IN ('declined', 'expired')`);

const EXPIRE = prepared(`UPDATE queue_offers o SET status = 'expired', updated_at = now()
   FROM conversations c
  WHERE o.organization_id = $1 AND o.status = 'offered' AND c.organization_id = $1 AND c.id = o.conversation_id
    AND (o.expires_at <= now() OR c.queue_id <> o.queue_id OR NOT (${waitingRow('c')}))
 RETURNING o.id, o.conversation_id, o.queue_id, o.agent_id`);

const NEXT_EXPIRY = prepared(`SELECT min(expires_at) AS at FROM queue_offers WHERE organization_id = $1 AND status = 'offered'`);

/** Organizations in which somebody waits, from the indexes of who waits. */
const SOMEBODY_WAITS = `SELECT organization_id FROM conversations c WHERE ${waitingRow('c')}
  UNION ALL SELECT organization_id FROM conversations c WHERE ${departmentWaitingRow('c')}`;
const OVERDUE = `${waitingOrganizations(SOMEBODY_WAITS)}
  SELECT organization_id, organization_id AS id FROM waiting WHERE organization_id IS NOT NULL LIMIT $1`;

/** Gives conversations that wait to agents who may have them: at every occasion, and every 30 s. */
@Injectable()
export class RouteQueues {
  /** Somebody may be free, or something waits. */
  private readonly wakeRow: Wake;

  constructor(
    private readonly database: Database,
    rows: DueRows,
  ) {
    this.wakeRow = rows.add({
      name: 'queue-route',
      concurrency: 4,
      timeout_seconds: 60,
      sweep_seconds: SWEEP_SECONDS,
      work: (row) => this.work(row),
      overdue: (limit) => this.database.rows<DueRow>(OVERDUE, [limit]),
    });
  }

  wake(organization_id: string): void {
    this.wakeRow({ organization_id, id: organization_id });
  }

  private async work({ organization_id }: DueRow): Promise<number | null> {
    const actor = Actor.system(organization_id);
    return this.database.tx(async (tx) => {
      const [{ is_ours }] = await tx.rows<{ is_ours: boolean }>('SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS is_ours', [
        ROUTING,
        organization_id,
      ]);
      // Another process is at it, perhaps at its last look.
      if (!is_ours) return 100;
      if (!(await isAtWork(tx, organization_id))) return null;
      await this.expire(tx, organization_id);
      const queues = new Map([...(await waitingQueues(tx, organization_id)), ...(await waitingDepartments(tx, organization_id))]);
      if (!queues.size) return untilNextExpiry(tx, organization_id);
      await noteOccupancy(tx, organization_id);
      const given = await this.route(tx, actor, queues);
      if (given > 0) return 0;
      return soonest(untilOpening(queues), await untilNextExpiry(tx, organization_id));
    });
  }

  /** Answers how many found somebody, or another queue. */
  private async route(tx: Tx, actor: Actor, queues: ReadonlyMap<string, RoutedQueue>): Promise<number> {
    const { organization_id } = actor;
    const now = new Date();
    const all = [...queues.values()];
    const served = all.filter(({ is_on, is_automatic, calendar }) => is_on && is_automatic && calendar.isOpen(now));
    const agents = served.length ? await readyAgents(tx, organization_id) : [];
    // Those of a queue that was deleted meanwhile go on beside it. What nobody may have now stands in nobody's way.
    const looked = all.filter(
      (queue) => queue.is_deleted || (served.includes(queue) && agents.some((agent) => !obstaclesOf(queue.rule, agent).length)),
    );
    if (!looked.length) return 0;
    const waiting = await tx.rows<Waiting>(WAITING, [organization_id, looked.map(({ id }) => id)]);
    const held = await tx.rows<{ id: string }>(HOLD, [organization_id, waiting.map(({ id }) => id)]);
    const isHeld = new Set(held.map(({ id }) => id));
    const [homeless, open] = [true, false].map((is_deleted) =>
      waiting.filter(({ id, queue_id }) => isHeld.has(id) && queues.get(queue_id)?.is_deleted === is_deleted),
    );
    await queueAgain(tx, homeless);

    const [last_agents, declined] = [
      await lastAgents(tx, organization_id, open, queues),
      await declinedBy(tx, organization_id, open, queues),
    ];
    const assignments: (Assignment & { queue_id: string })[] = [];
    const offers: (Assignment & { queue_id: string; seconds: number })[] = [];
    let turn = 0;
    const breathe = breather();
    for (const conversation of open) {
      await breathe();
      const { id, queue_id } = conversation;
      const queue = queues.get(queue_id);
      if (!queue) continue;
      const { rule, settings } = queue;
      const wish = { last_agent_id: last_agents.get(id) };
      const who = declined.get(id);
      // Who let it go by is asked again when nobody is left; who declined it is not.
      const agent =
        chooseAgent(rule, agents, { ...wish, declined: who?.asked }) ??
        (who && who.asked.size > who.refused.size ? chooseAgent(rule, agents, { ...wish, declined: who.refused }) : null);
      if (!agent) continue;
      agent.active_in_all++;
      agent.active_by_queue.set(queue_id, (agent.active_by_queue.get(queue_id) ?? 0) + 1);
      // After everybody who was given one before this batch, in the order of the batch.
      agent.last_assigned.set(queue_id, now.getTime() / 1000 + ++turn / 1e6);
      const given = { conversation, agent_id: agent.id, queue_id };
      if (settings.offer_timeout_seconds) offers.push({ ...given, seconds: settings.offer_timeout_seconds });
      else assignments.push(given);
    }
    await assignAll(tx, actor, assignments);
    await this.offer(tx, organization_id, offers);
    const isDepartment = ({ queue_id }: { queue_id: string }): boolean => queues.get(queue_id)?.department_id === queue_id;
    await takeTurns(
      tx,
      organization_id,
      [...assignments, ...offers].filter((one) => !isDepartment(one)),
    );
    await takeTurns(tx, organization_id, assignments.filter(isDepartment), 'departments');
    return assignments.length + offers.length + homeless.length;
  }

  private async offer(
    tx: Tx,
    organization_id: string,
    offers: readonly (Assignment & { queue_id: string; seconds: number })[],
  ): Promise<void> {
    const rows = offers.map(({ conversation, agent_id, queue_id, seconds }) => ({
      id: newId(),
      organization_id,
      conversation_id: conversation.id,
      queue_id,
      agent_id,
      expires_at: new Date(Date.now() + seconds * 1000),
      status: OfferStatus.offered,
    }));
    await new TenantRepository(tx, QueueOffer).insertAll(rows);
    for (const { id: offer_id, conversation_id, queue_id, agent_id, expires_at } of rows)
      tx.tell('queue.offered', { organization_id, offer_id, conversation_id, queue_id, agent_id, expires_at });
  }

  private async expire(tx: Tx, organization_id: string): Promise<void> {
    const gone = await tx.rows<{ id: string; conversation_id: string; queue_id: string; agent_id: string }>(EXPIRE, [organization_id]);
    for (const { id: offer_id, ...offer } of gone)
      tx.tell('queue.offer_ended', { organization_id, offer_id, ...offer, status: OfferStatus.expired });
  }
}

/** Who had their contacts last, for queues that ask. */
async function lastAgents(
  sql: Sql,
  organization_id: string,
  waiting: readonly Waiting[],
  queues: ReadonlyMap<string, RoutedQueue>,
): Promise<Map<string, string>> {
  const days = ({ queue_id }: Waiting): number => queues.get(queue_id)?.settings.sticky_agent_days ?? 0;
  const sticky = waiting.filter((one) => days(one) > 0);
  if (!sticky.length) return new Map();
  const found = await sql.rows<{ id: string; agent_id: string }>(LAST_AGENTS, [
    organization_id,
    sticky.map(({ id }) => id),
    sticky.map(({ contact_id }) => contact_id),
    sticky.map(days),
  ]);
  return new Map(found.map(({ id, agent_id }) => [id, agent_id]));
}

/** Who was offered a conversation since it entered its queue: all of them, and who said no. */
interface Declined {
  asked: Set<string>;
  refused: Set<string>;
}

async function declinedBy(
  sql: Sql,
  organization_id: string,
  waiting: readonly Waiting[],
  queues: ReadonlyMap<string, RoutedQueue>,
): Promise<Map<string, Declined>> {
  const offering = waiting.filter(({ queue_id }) => queues.get(queue_id)?.settings.offer_timeout_seconds);
  const found = new Map<string, Declined>();
  if (!offering.length) return found;
  const rows = await sql.rows<{ conversation_id: string; agent_id: string; status: OfferStatus }>(DECLINED, [
    organization_id,
    offering.map(({ id }) => id),
  ]);
  for (const { conversation_id, agent_id, status } of rows) {
    const who = found.get(conversation_id) ?? { asked: new Set(), refused: new Set() };
    found.set(conversation_id, who);
    who.asked.add(agent_id);
    if (status === OfferStatus.declined) who.refused.add(agent_id);
  }
  return found;
}

async function untilNextExpiry(sql: Sql, organization_id: string): Promise<number | null> {
  const [{ at }] = await sql.rows<{ at: Date | null }>(NEXT_EXPIRY, [organization_id]);
  return at && Math.max(1, at.getTime() - Date.now());
}

/** Until the first of the closed ones opens: what waits there is routed at once. */
function untilOpening(queues: ReadonlyMap<string, RoutedQueue>): number | null {
  const now = new Date();
  const openings = [...queues.values()].flatMap(({ is_on, is_automatic, calendar }) =>
    is_on && is_automatic && !calendar.isOpen(now) ? (calendar.nextOpening(now)?.getTime() ?? []) : [],
  );
  return openings.length ? Math.max(1, Math.min(...openings) - now.getTime()) : null;
}

const soonest = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.min(a, b));
