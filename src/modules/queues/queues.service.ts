import { Injectable } from '@nestjs/common';
import { parse } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Conflict, Invalid, NotFound } from '#common/errors';
import { given } from '#common/given';
import type { JsonObject } from '#common/json.scalar';
import { toPage } from '#common/page.dto';
import { onDuplicate } from '#database/database-errors';
import { Database, type Tx } from '#database/database';
import { liveOf } from '#modules/conversations/state/moves';
import { lookAtSlaAgain, moveToQueue } from '#modules/conversations/state/queueing';
import { Department } from '#modules/departments/department.entity';
import { type BusinessHours, isForm, toBusinessHours } from '#modules/organizations/business-hours';
import { slugify } from '#modules/organizations/slugs';
import { User } from '#modules/users/user.entity';
import { presentQueues } from './queue-figures';
import {
  KnownSettings,
  type QueueCreate,
  type QueuePage,
  type QueueQuery,
  type QueueReorder,
  type QueueUpdate,
  type QueueView,
} from './queue.dto';
import { Queue } from './queue.entity';
import type { QueueSettings } from './queue-settings.dto';
import { RouteQueues } from './routing/route-queues';

onDuplicate('queues_slug_key', () => new Conflict('already_exists', 'A queue of this department has this slug.'));

const SETTINGS_BYTES = 16_384;
/** Advisory lock class: overflows of an organization are changed one after the other, or two at once could close a circle. */
const OVERFLOWS = 0x7079_6f76;

const SORTS: (keyof Queue & string)[] = [
  'priority',
  'name',
  'slug',
  'color',
  'is_active',
  'sla_minutes',
  'routing_mode',
  'auto_assign_conversations',
  'max_conversations_per_agent',
  'max_queue_size',
  'created_at',
  'updated_at',
];

/** Lines of conversations that wait for people. */
@Injectable()
export class QueuesService {
  constructor(
    private readonly database: Database,
    private readonly routing: RouteQueues,
  ) {}

  async page(actor: Actor, query: QueueQuery): Promise<QueuePage> {
    const page = await this.queues().page(actor, query, {
      search: ['name', 'slug', 'description'],
      sort: SORTS,
      default_sort: 'priority:desc',
      then_by: 'name',
      filter: { department_id: query.department_id, is_active: query.is_active },
    });
    return { ...page, items: await presentQueues(this.database, actor, page.items) };
  }

  async get(actor: Actor, id: string): Promise<QueueView> {
    return this.present(actor, await this.queues().get(actor, id));
  }

  /** Each of these; null where there is none any more. */
  async many(actor: Actor, ids: readonly string[]): Promise<(QueueView | null)[]> {
    const queues = await presentQueues(this.database, actor, await this.queues().many(actor, ids));
    const found = new Map(queues.map((queue) => [queue.id, queue]));
    return ids.map((id) => found.get(id) ?? null);
  }

  /** @throws {404} @throws {409} ambiguous_slug. */
  async bySlug(actor: Actor, slug: string, department_id?: string): Promise<QueueView> {
    const found = await this.queues()
      .query(actor, 'row')
      .andWhere('row.slug = :slug', { slug })
      .andWhere(department_id ? 'row.department_id = :department_id' : 'true', { department_id })
      .limit(2)
      .getMany();
    if (found.length > 1) throw new Conflict('ambiguous_slug', 'Queues of several departments have this slug: add department_id.');
    if (!found.length) throw new NotFound('Queue');
    return this.present(actor, found[0]);
  }

  /** @throws {404} department, agents, overflow. @throws {409} already_exists. */
  async create(actor: Actor, input: QueueCreate): Promise<QueueView> {
    return this.database.tx(async (tx) => {
      const values = await this.checked(tx, actor, null, input);
      const queue = await this.queues(tx).insert(actor, { ...values, slug: values.slug ?? slugify(input.name, 'queue') });
      tx.audit(actor, 'queue.created', { resource: { id: queue.id, name: queue.name }, after: queue });
      tx.tell('queue.created', { organization_id: actor.organization_id, queue_id: queue.id });
      return this.present(actor, queue, tx);
    });
  }

  /** @throws {404} @throws {409} already_exists. @throws {422} overflow_cycle. */
  async update(actor: Actor, id: string, input: QueueUpdate): Promise<QueueView> {
    return this.database.tx(async (tx) => {
      const before = await this.queues(tx).lock(actor, id);
      const values = await this.checked(tx, actor, before, input);
      const after = await this.queues(tx).patch(actor, id, values);
      // What is open in it goes with it, or the department it leaves would keep it.
      if (after.department_id !== before.department_id) await moveToQueue(tx, actor, await liveOf(tx, actor, { queue_id: [id] }), after);
      tx.audit(actor, 'queue.updated', { resource: { id, name: after.name }, before, after });
      await this.changed(tx, actor, [id]);
      return this.present(actor, after, tx);
    });
  }

  /** @throws {404} One of them is not there; nothing has changed then. */
  async reorder(actor: Actor, { reorders }: QueueReorder): Promise<QueuePage> {
    const priorities = new Map(reorders.map(({ queue_id, new_priority }) => [queue_id, new_priority]));
    return this.database.tx(async (tx) => {
      const queues = this.queues(tx);
      const before = await queues
        .query(actor, 'row')
        .andWhere('row.id = ANY(:ids)', { ids: [...priorities.keys()] })
        .orderBy('row.id')
        .setLock('for_no_key_update')
        .getMany();
      if (before.length < priorities.size) throw new NotFound('Queue');
      await tx.rows(
        `UPDATE queues q SET priority = t.priority, updated_at = now() FROM json_to_recordset($2) AS t(id uuid, priority int)
          WHERE q.organization_id = $1 AND q.id = t.id`,
        [actor.organization_id, JSON.stringify([...priorities].map(([id, priority]) => ({ id, priority })))],
      );
      for (const queue of before)
        tx.audit(actor, 'queue.reordered', {
          resource: { id: queue.id, name: queue.name },
          before: { priority: queue.priority },
          after: { priority: priorities.get(queue.id) },
        });
      await this.changed(tx, actor, [...priorities.keys()]);
      const after = await queues.many(actor, [...priorities.keys()]);
      const items = (await presentQueues(tx, actor, after)).sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
      return toPage({ items, next_cursor: null }, { total: items.length, is_estimate: false }, { limit: 100 });
    });
  }

  private queues(tx: Tx | Database = this.database) {
    return this.database.repository(Queue, tx);
  }

  /** Others may serve it now, at other hours: who waits is looked at again. */
  private async changed(tx: Tx, { organization_id }: Actor, ids: readonly string[]): Promise<void> {
    await lookAtSlaAgain(tx, organization_id, ids);
    for (const queue_id of ids) tx.tell('queue.updated', { organization_id, queue_id });
    tx.afterCommit(() => this.routing.wake(organization_id));
  }

  private async present(actor: Actor, queue: Queue, sql: Tx | Database = this.database): Promise<QueueView> {
    return (await presentQueues(sql, actor, [queue]))[0];
  }

  /** What is given, as it is kept. @throws {NotFound} @throws {Invalid} */
  private async checked(tx: Tx, actor: Actor, before: Queue | null, input: QueueUpdate): Promise<Partial<Queue>> {
    const { settings, ...values } = input;
    if (input.department_id) {
      // Held: one that is deleted at this moment would leave the queue behind.
      const department = await this.database.repository(Department, tx).lock(actor, input.department_id);
      if (!before && !department.is_active) throw Invalid.field('department_id', 'The department is switched off.');
    }
    if (input.overflow_queue_id) await this.assertNoCircle(tx, actor, before?.id ?? null, input.overflow_queue_id);
    if (!settings) return values;
    const known = (await parse(KnownSettings, { settings })).settings;
    const merged = mergedSettings(before?.settings ?? {}, { ...settings, ...given(known) });
    if (Buffer.byteLength(JSON.stringify(merged)) > SETTINGS_BYTES) throw Invalid.field('settings', 'settings may have at most 16 KB');
    const agents = known.allowed_agent_ids ?? [];
    if ((await this.database.repository(User, tx).many(actor, agents)).length < new Set(agents).size) throw new NotFound('Agent');
    return { ...values, settings: merged };
  }

  private async assertNoCircle(tx: Tx, actor: Actor, id: string | null, overflow_queue_id: string): Promise<void> {
    await tx.rows('SELECT pg_advisory_xact_lock($1, hashtext($2))', [OVERFLOWS, actor.organization_id]);
    const seen = new Set([id]);
    for (let next: string | null = overflow_queue_id; next;) {
      if (seen.has(next)) throw Invalid.field('overflow_queue_id', 'Queues would overflow into each other in a circle.', 'overflow_cycle');
      seen.add(next);
      next = (await this.queues(tx).get(actor, next)).overflow_queue_id;
    }
  }
}

/** Given keys over those there are; null takes one away. Hours are kept with the zone they may have. */
function mergedSettings(stored: QueueSettings, { business_hours, ...given }: QueueSettings): QueueSettings {
  const hours = business_hours && { business_hours: inForm(business_hours) };
  const merged = { ...stored, ...given, ...(business_hours === null ? { business_hours: null } : hours) } as JsonObject;
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined));
}

/** Contract 10, 6: `{timezone, schedule}` whichever form was given. */
function inForm(hours: BusinessHours): BusinessHours {
  const kept = toBusinessHours(hours);
  return isForm(kept) ? { timezone: null, ...kept } : { timezone: null, schedule: kept };
}
