import { Invalid, NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { type Hop, type Place, type Wish, declareLine } from '#modules/conversations/state/line';
import { VIP_PRIORITY, waitingRow } from '#modules/conversations/state/queueing';
import { countOverflows } from './queue-days';
import { routedQueues } from './routing/routed-queue';

/** Contract 10, 6: a full queue sends on so often. */
const MAX_HOPS = 5;

/** A queue as who enters sees it. */
export interface OpenQueue {
  id: string;
  organization_id: string;
  department_id: string;
  priority: number;
  sla_minutes: number | null;
  max_queue_size: number | null;
  overflow_queue_id: string | null;
  is_vip_queue: boolean;
  /** It and its department take new conversations. */
  takes: boolean;
  is_deleted: boolean;
  waiting: number;
}

/** Where a number's conversations begin to wait. */
export interface NumberDefaults {
  default_queue_id: string | null;
  default_department_id: string | null;
  /** The department takes new conversations, with a queue or without. */
  department_takes: boolean;
}

/** A department as a place of its own: no queue of it takes conversations. */
interface Bare {
  department_id: string;
}

/** The queues of one organization, best first: by priority, then the oldest. */
export class Board {
  private readonly byId: ReadonlyMap<string, OpenQueue>;

  constructor(private readonly queues: readonly OpenQueue[]) {
    this.byId = new Map(queues.map((queue) => [queue.id, queue]));
  }

  get(id: string | null | undefined): OpenQueue | undefined {
    return id ? this.byId.get(id) : undefined;
  }

  /** The department's queue with the highest priority that takes conversations. */
  bestOf(department_id: string | null | undefined): OpenQueue | undefined {
    return this.queues.find((queue) => queue.takes && queue.department_id === department_id);
  }

  /** Where nobody named one: VIPs in theirs, then what the number says, then where it waited before. */
  choose({ is_vip, last_queue_id }: Wish, defaults: NumberDefaults | undefined): OpenQueue | Bare | undefined {
    return (
      (is_vip ? this.queues.find((queue) => queue.takes && queue.is_vip_queue) : undefined) ??
      this.orBestBeside(defaults?.default_queue_id) ??
      this.bestOf(defaults?.default_department_id) ??
      (defaults?.default_department_id && defaults.department_takes ? { department_id: defaults.default_department_id } : undefined) ??
      this.orBestBeside(last_queue_id)
    );
  }

  /** It, or the best of its department where it takes none. */
  private orBestBeside(id: string | null | undefined): OpenQueue | undefined {
    const queue = this.get(id);
    return queue?.takes ? queue : this.bestOf(queue?.department_id);
  }

  /** From a full queue to the next that has room; where none has it stays in the first: a customer is never lost. */
  withRoom(first: OpenQueue, now: Date): { queue: OpenQueue; overflow: Hop[]; is_overfull: boolean } {
    const overflow: Hop[] = [];
    let queue = first;
    while (isFull(queue)) {
      const next = this.get(queue.overflow_queue_id);
      if (!next?.takes || overflow.length === MAX_HOPS) return { queue: first, overflow: [], is_overfull: true };
      overflow.push({ original_queue_id: queue.id, overflow_queue_id: next.id, overflowed_at: now.toISOString() });
      queue = next;
    }
    return { queue, overflow, is_overfull: false };
  }
}

const isFull = ({ waiting, max_queue_size }: OpenQueue): boolean => max_queue_size !== null && waiting >= max_queue_size;

// Deleted ones too: what waited there goes on beside.
const QUEUES = prepared(`SELECT q.id, q.organization_id, q.department_id, q.priority, q.sla_minutes, q.max_queue_size, q.overflow_queue_id,
    coalesce((q.settings->>'is_vip_queue')::boolean, false) AS is_vip_queue,
    q.is_active AND q.deleted_at IS NULL AND d.is_active AND d.deleted_at IS NULL AS takes, q.deleted_at IS NOT NULL AS is_deleted, 0 AS waiting
   FROM queues q JOIN departments d ON d.organization_id = q.organization_id AND d.id = q.department_id
  WHERE q.organization_id = ANY($1)
  ORDER BY q.organization_id, q.priority DESC, q.created_at, q.id`);

/** Those with a limit are entered one after the other: two at once would both find the last place. */
const LIMITED = prepared(`SELECT FROM queues WHERE organization_id = ANY($1) AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE`);

/** Beside those that enter: one that comes back is in nobody's way, least of all its own. */
const WAITING = prepared(`SELECT c.queue_id, count(*)::int AS waiting FROM conversations c
  WHERE c.organization_id = ANY($1) AND c.queue_id = ANY($2) AND ${waitingRow('c')} AND NOT c.id = ANY($3) GROUP BY c.queue_id`);

const DEFAULTS =
  prepared(`SELECT n.id, n.default_queue_id, n.default_department_id, coalesce(d.is_active AND d.deleted_at IS NULL, false) AS department_takes
   FROM whatsapp_numbers n LEFT JOIN departments d ON d.organization_id = n.organization_id AND d.id = n.default_department_id
  WHERE n.organization_id = ANY($1) AND n.id = ANY($2) AND (n.default_queue_id IS NOT NULL OR n.default_department_id IS NOT NULL)`);

const DEPARTMENTS = prepared(`SELECT id, is_active FROM departments WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`);

/** Contract 10, 6: entering a queue. For organizations without queues it is a look at two indexes, in one go. */
async function choosePlaces(tx: Tx, wishes: readonly Wish[]): Promise<(Place | null)[]> {
  const organization_ids = [...new Set(wishes.map(({ organization_id }) => organization_id))];
  const numbers = wishes.flatMap(({ whatsapp_number_id, named }) => (named ? [] : (whatsapp_number_id ?? [])));
  const [queues, rows] = await Promise.all([
    tx.rows<OpenQueue>(QUEUES, [organization_ids]),
    numbers.length ? tx.rows<NumberDefaults & { id: string }>(DEFAULTS, [organization_ids, numbers]) : [],
  ]);
  if (!queues.length && !rows.length && wishes.every(({ named }) => !named)) return wishes.map(() => null);
  await countLimited(
    tx,
    organization_ids,
    queues,
    wishes.map(({ conversation_id }) => conversation_id),
  );
  const boards = new Map([...Map.groupBy(queues, (queue) => queue.organization_id)].map(([id, some]) => [id, new Board(some)]));
  const defaults = new Map(rows.map((row) => [row.id, row]));

  const now = new Date();
  const places: (Place | null)[] = [];
  const overfull = new Map<string, OpenQueue>();
  const overflowed: (Pick<OpenQueue, 'organization_id'> & Pick<Hop, 'original_queue_id'>)[] = [];
  for (const wish of wishes) {
    const { organization_id, named, is_vip } = wish;
    const board = boards.get(organization_id) ?? new Board([]);
    const chosen = named
      ? await namedQueue(tx, board, wish, named)
      : (board.choose(wish, defaults.get(wish.whatsapp_number_id ?? '')) ?? null);
    if (!isQueue(chosen)) {
      places.push(
        chosen && {
          ...chosen,
          queue_id: null,
          queue_priority: is_vip ? VIP_PRIORITY : 50,
          sla_minutes: null,
          sla_ends_at: null,
          overflow: [],
        },
      );
      continue;
    }
    const { queue, overflow, is_overfull } = board.withRoom(chosen, now);
    queue.waiting++;
    overflowed.push(...overflow.map(({ original_queue_id }) => ({ organization_id, original_queue_id })));
    if (is_overfull) overfull.set(queue.id, queue);
    places.push({
      queue_id: queue.id,
      department_id: queue.department_id,
      queue_priority: is_vip ? VIP_PRIORITY : queue.priority,
      sla_minutes: queue.sla_minutes,
      sla_ends_at: null,
      overflow,
    });
  }
  await setSlaEnds(tx, wishes, places, now);
  for (const { organization_id, id, waiting } of overfull.values()) tx.tell('queue.overflowed', { organization_id, queue_id: id, waiting });
  await countOverflows(tx, overflowed);
  return places;
}

/** When the SLA of each place is over: only its hours can say. */
async function setSlaEnds(tx: Tx, wishes: readonly Wish[], places: readonly (Place | null)[], now: Date): Promise<void> {
  const clocked = places.flatMap((place, n) =>
    place?.queue_id && place.sla_minutes !== null
      ? [{ ...wishes[n], place, queue_id: place.queue_id, sla_minutes: place.sla_minutes }]
      : [],
  );
  for (const [organization_id, some] of Map.groupBy(clocked, (one) => one.organization_id)) {
    const queues = await routedQueues(tx, organization_id, [...new Set(some.map(({ queue_id }) => queue_id))]);
    for (const { place, queue_id, sla_minutes } of some)
      place.sla_ends_at = queues.get(queue_id)?.calendar.addOpen(now, sla_minutes) ?? null;
  }
}

const isQueue = (chosen: OpenQueue | Bare | null): chosen is OpenQueue => chosen !== null && 'id' in chosen;

/** @throws {NotFound} @throws {Invalid} */
async function namedQueue(
  tx: Tx,
  board: Board,
  { organization_id }: Wish,
  { queue_id, department_id }: NonNullable<Wish['named']>,
): Promise<OpenQueue | Bare | null> {
  if (department_id) {
    const [department] = await tx.rows<{ is_active: boolean } | undefined>(DEPARTMENTS, [organization_id, department_id]);
    if (!department) throw new NotFound('Department');
    if (!department.is_active) throw Invalid.field('department_id', 'The department is switched off: it takes no conversations.');
    if (!queue_id) return board.bestOf(department_id) ?? { department_id };
  }
  if (!queue_id) return null;
  const queue = board.get(queue_id);
  if (!queue || queue.is_deleted) throw new NotFound('Queue');
  if (department_id && queue.department_id !== department_id) throw Invalid.field('queue_id', 'The queue belongs to another department.');
  if (!queue.takes) throw Invalid.field('queue_id', 'The queue, or its department, is switched off: it takes no conversations.');
  return queue;
}

async function countLimited(
  tx: Tx,
  organization_ids: readonly string[],
  queues: readonly OpenQueue[],
  entering: readonly string[],
): Promise<void> {
  const limited = queues.filter(({ max_queue_size }) => max_queue_size !== null).map(({ id }) => id);
  if (!limited.length) return;
  await tx.rows(LIMITED, [organization_ids, limited]);
  const counts = await tx.rows<{ queue_id: string; waiting: number }>(WAITING, [organization_ids, limited, entering]);
  const waiting = new Map(counts.map((row) => [row.queue_id, row.waiting]));
  for (const queue of queues) queue.waiting = waiting.get(queue.id) ?? 0;
}

declareLine(choosePlaces);
