import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Pool } from 'pg';
import { Unavailable } from '#common/errors';
import { BEFORE_ALL, newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { waitingOrganizations } from '#database/due-rows';
import { PlannedConnections } from '#database/planned-connections';
import { type Prepared, prepared } from '#database/sql';
import type { Effect } from '#database/tx';
import { BacklogBudget } from './backlog-budget';
import type { InboundEvent, InboundState } from './inbound-event.entity';

/** A webhook to keep: one row for each number it speaks of. */
export interface NewInboundEvent {
  organization_id: string | null;
  whatsapp_number_id: string | null;
  /** The phone of whom all of it is about, in one spelling; null: several, nobody, or somebody without one. */
  person: string | null;
  state: InboundState;
  reason: string | null;
  body: Buffer;
  /** Default: meta. */
  provider?: InboundEvent['provider'];
}

/** A kept webhook that waits to be worked through. */
export interface WaitingEvent {
  id: string;
  organization_id: string;
  whatsapp_number_id: string;
  body: Buffer;
  received_at: Date;
  /** Items of it that are filed already. */
  items_done: number;
}

/** Told after rows that are to be filed are durable. */
export type InboundListener = () => void;

/** What taking came to. */
export interface Taken {
  /** Webhooks that are done with. */
  finished: number;
  /** Whether more waits than one transaction takes. */
  more: boolean;
  /** Whether another lane may go on now that this one's turn is over. */
  frees_others: boolean;
  /** To be done now that it has committed. */
  effects: Effect[];
}

/** The lanes of an organization that are worked on at the same time; a person is always in one, so what they do stays in order. */
export const LANES = [0, 1] as const;
export type Lane = (typeof LANES)[number];

/** What is not about one phone is filed with both lanes held, behind what came before it and before what came after. */
const SHARED = 2;
const LAST_LANE: Lane = 1;

const laneOf = (person: string | null): number => (person ? person.charCodeAt(person.length - 1) % LANES.length : SHARED);

/** Advisory lock classes, one a lane, of the organizations whose webhooks are worked on. */
export const LANE_LOCKS = [0x7079_746b, 0x7079_746c] as const;
/** Organizations of one transaction; the next ones have the next turn. */
const TAKE_ORGANIZATIONS = 32;
/** Bytes of bodies in one transaction, and one body more. Parsed they take many times as much. */
const TAKE_BYTES = 4 * 1024 * 1024;
const BATCH_ROWS = 500;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Above this the door says 503 and Meta comes back: memory stays bounded when PostgreSQL is slow. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export const INBOUND_CHANNEL = 'pytake_inbound';

const firstOf = (lane: number): string => `(SELECT i.id FROM inbound_events i
  WHERE i.state = 'received' AND i.organization_id = o.organization_id AND i.lane = ${lane} ORDER BY i.id LIMIT 1)`;

const lockOf = (lane: Lane): string => `pg_try_advisory_xact_lock(${LANE_LOCKS[lane]}, hashtext(o.organization_id::text))`;

// Those that wait after $1. Held is where the lane has something to file, and no other worker is at it.
const heldOrganizations = (lane: Lane): Prepared =>
  prepared(`${waitingOrganizations("SELECT organization_id FROM inbound_events WHERE state = 'received'", 'o.organization_id > $1')}
  SELECT organization_id, CASE WHEN ${lane === LAST_LANE ? 'own IS NOT NULL AND (shared IS NULL OR own < shared)' : 'own IS NOT NULL OR shared IS NOT NULL'}
         THEN ${lockOf(lane)} ELSE false END AS is_ours
    FROM (SELECT o.organization_id, ${firstOf(lane)} AS own, ${firstOf(SHARED)} AS shared
            FROM (SELECT organization_id FROM waiting WHERE organization_id IS NOT NULL LIMIT ${TAKE_ORGANIZATIONS}) o) o`);

// Asked once the lane is held: whether something waits for both to be held, and whether they are.
const barriers = (lane: Lane): Prepared =>
  prepared(`SELECT o.organization_id, o.shared IS NOT NULL AS is_shared, o.shared IS NOT NULL AND ${lane === LAST_LANE ? 'false' : lockOf(LAST_LANE)} AS holds_all
     FROM (SELECT o.organization_id, ${firstOf(SHARED)} AS shared FROM unnest($1::uuid[]) AS o(organization_id)) o`);

// Each organization's first, then each one's second, until rows or bytes are enough: none waits for another's backlog. Within one, the order of receipt;
// up to the first that both lanes must be held for, where they are not.
const waitingEvents = (lane: Lane): Prepared =>
  prepared(`SELECT e.id, e.organization_id, e.whatsapp_number_id, e.body, e.received_at, e.items_done
   FROM (SELECT id, turn, sum(bytes) OVER (ORDER BY turn, organization_id) - bytes AS before
           FROM (SELECT w.id, o.organization_id, w.bytes, row_number() OVER own AS turn, sum(w.bytes) OVER own - w.bytes AS own_before
                   FROM (SELECT o.*, CASE WHEN NOT holds_all THEN ${firstOf(SHARED)} END AS shared
                           FROM unnest($1::uuid[], $4::boolean[]) AS o(organization_id, holds_all)) o
                  CROSS JOIN LATERAL (
                    SELECT i.id, i.bytes FROM unnest(CASE WHEN holds_all THEN '{0,1,2}'::smallint[] ELSE '{${lane}}' END) AS l(lane)
                     CROSS JOIN LATERAL (
                       SELECT i.id, octet_length(i.body) AS bytes FROM inbound_events i
                        WHERE i.state = 'received' AND i.organization_id = o.organization_id AND i.lane = l.lane AND (o.shared IS NULL OR i.id < o.shared)
                        ORDER BY i.id LIMIT $2) i
                     ORDER BY i.id LIMIT $2) w
                 WINDOW own AS (PARTITION BY o.organization_id ORDER BY w.id)) fair
          WHERE own_before < $3::int / cardinality($1)) chosen
   JOIN inbound_events e USING (id)
  WHERE chosen.before < $3
  ORDER BY chosen.turn, e.organization_id LIMIT $2`);

const TAKE = LANES.map((lane) => ({ organizations: heldOrganizations(lane), barriers: barriers(lane), events: waitingEvents(lane) }));

const FINISH = prepared(`UPDATE inbound_events e SET state = o.state, reason = o.reason, items_done = o.items_done,
        processed_at = CASE WHEN o.state <> 'received' THEN now() END
   FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS o(id, state, reason, items_done) WHERE e.id = o.id`);

/** An organization that waits, and whether no other worker is at it. */
interface Waiting {
  organization_id: string;
  is_ours: boolean;
}

interface Barrier {
  organization_id: string;
  /** Something waits for both lanes to be held. */
  is_shared: boolean;
  /** They are: everything in its order. */
  holds_all: boolean;
}

interface Write {
  rows: NewInboundEvent[];
  bytes: number;
  done: () => void;
  failed: (error: unknown) => void;
}

/**
 * `inbound_events`: kept before it is acknowledged, taken in order. Has connections of its own, so that acknowledgements never wait behind
 * the inbox's queries. Rows are written by group commit: while one INSERT is on its way the next requests gather, and one fsync serves
 * them all.
 */
@Injectable()
export class InboundStore implements OnApplicationShutdown {
  private readonly writers: Pool;
  private readonly workers: PlannedConnections;
  private readonly listeners: InboundListener[] = [];
  /** In each lane: while one INSERT waits for the disk the other one's is on its way. What is about several goes with the first. */
  private readonly waiting: [Write[], Write[]] = [[], []];
  private waiting_bytes = 0;
  private readonly writing: [boolean, boolean] = [false, false];
  /** In each lane, whose turn was the last. */
  private readonly served: [string, string] = [BEFORE_ALL, BEFORE_ALL];
  private readonly budget = new BacklogBudget((organization_id) => this.backlogBytes(organization_id));

  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {
    this.writers = new Pool({
      connectionString: config.database_url ?? undefined,
      application_name: 'pytake-inbound',
      max: LANES.length,
      keepAlive: true,
      // R11: an answer within 2 s, also when the database is gone.
      connectionTimeoutMillis: 1200,
      query_timeout: 1800,
      idleTimeoutMillis: 0,
    });
    this.writers.on('error', () => undefined);
    this.workers = new PlannedConnections(config, 'pytake-inbound', 3);
  }

  /** After the doors are shut: a webhook that was let in is still kept. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.writers.end(), this.workers.end()]);
  }

  onKept(listener: InboundListener): void {
    this.listeners.push(listener);
  }

  /**
   * Keeps the rows; resolved means durable.
   * @throws {Unavailable} The database did not take them, or an organization's backlog is full (its neighbours' rows are kept); the provider
   *   repeats, and what is filed already changes nothing.
   */
  async keep(rows: NewInboundEvent[]): Promise<void> {
    const admitted = rows.filter(({ organization_id, body }) => !organization_id || this.budget.admit(organization_id, body.length));
    if (admitted.length) await this.queue(admitted);
    if (admitted.some(({ state }) => state === 'received')) for (const listener of this.listeners) listener();
    if (admitted.length < rows.length)
      throw new Unavailable('Too much of this organization waits to be filed. Send it again later.', undefined, {
        retry_after_seconds: 60,
      });
  }

  private queue(rows: NewInboundEvent[]): Promise<void> {
    const bytes = [...new Set(rows.map((row) => row.body))].reduce((sum, body) => sum + body.length, 0);
    if (this.waiting_bytes + bytes > MAX_WAITING_BYTES) return Promise.reject(new Unavailable());
    return new Promise((done, failed) => {
      const lane: Lane = laneOf(rows[0].person) === LAST_LANE ? LAST_LANE : 0;
      this.waiting[lane].push({ rows, bytes, done, failed });
      this.waiting_bytes += bytes;
      // After this turn of the event loop: requests that were read together are written together.
      if (!this.writing[lane]) {
        this.writing[lane] = true;
        setImmediate(() => void this.write(lane));
      }
    });
  }

  private async write(lane: Lane): Promise<void> {
    const waiting = this.waiting[lane];
    while (waiting.length) {
      const batch: Write[] = [];
      let rows = 0;
      let bytes = 0;
      while (waiting.length && (rows === 0 || (rows + waiting[0].rows.length <= BATCH_ROWS && bytes + waiting[0].bytes <= BATCH_BYTES))) {
        const write = waiting.shift() as Write;
        batch.push(write);
        rows += write.rows.length;
        bytes += write.bytes;
      }
      try {
        await this.insert(batch.flatMap((write) => write.rows));
        for (const write of batch) write.done();
      } catch (error) {
        const unavailable = new Unavailable('The webhook could not be stored. Send it again.', undefined, { cause: error });
        // R11: who waited behind them has waited long enough too.
        for (const write of [...batch, ...waiting.splice(0)]) {
          write.failed(unavailable);
          this.waiting_bytes -= write.bytes;
        }
        continue;
      }
      this.waiting_bytes -= bytes;
    }
    this.writing[lane] = false;
  }

  /**
   * All bodies travel as one binary parameter, each once for all numbers it names, and are cut apart in SQL: an array of bytea would travel as
   * escaped text.
   */
  private async insert(rows: NewInboundEvent[]): Promise<void> {
    const offsets = new Map<Buffer, number>();
    let offset = 1;
    for (const { body } of rows) {
      if (offsets.has(body)) continue;
      offsets.set(body, offset);
      offset += body.length;
    }
    await this.writers.query({
      name: 'keep',
      text: `WITH kept AS (
          INSERT INTO inbound_events (id, organization_id, whatsapp_number_id, provider, lane, state, reason, body)
          SELECT r.id, r.organization_id, r.whatsapp_number_id, r.provider, r.lane, r.state, r.reason, substring($1::bytea from r.at for r.bytes)
            FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $10::smallint[], $5::text[], $6::text[], $7::int[], $8::int[], $11::text[])
              AS r(id, organization_id, whatsapp_number_id, lane, state, reason, at, bytes, provider)
          RETURNING state)
        SELECT pg_notify('${INBOUND_CHANNEL}', '') WHERE $9 AND EXISTS (SELECT 1 FROM kept WHERE state = 'received')`,
      values: [
        Buffer.concat([...offsets.keys()]),
        rows.map(() => newId()),
        rows.map((row) => row.organization_id),
        rows.map((row) => row.whatsapp_number_id),
        rows.map((row) => row.state),
        rows.map((row) => row.reason),
        rows.map((row) => offsets.get(row.body)),
        rows.map((row) => row.body.length),
        // Workers are elsewhere: wake them. In one process the worker is woken directly.
        this.config.process_role === 'api',
        rows.map((row) => laneOf(row.person)),
        rows.map((row) => row.provider ?? 'meta'),
      ],
    });
  }

  /**
   * Runs `work` over the next `rows` waiting events of a lane or fewer in one transaction that also notes how far it came; organizations take
   * turns, and those another worker holds are left to it.
   */
  async take(lane: Lane, rows: number, work: (tx: Tx, events: WaitingEvent[]) => Promise<Outcome[]>): Promise<Taken> {
    const [taken, effects] = await this.transaction(async (tx) => {
      const served = this.served[lane];
      const waiting = await tx.rows<Waiting>(TAKE[lane].organizations, [served]);
      const ours = waiting.filter(({ is_ours }) => is_ours).map(({ organization_id }) => organization_id);
      const barriers = ours.length ? await tx.rows<Barrier>(TAKE[lane].barriers, [ours]) : [];
      const events = ours.length ? await this.next(tx, lane, barriers, rows) : [];
      const outcomes = events.length ? await work(tx, events) : [];
      if (outcomes.length)
        await tx.rows(FINISH, [
          outcomes.map((o) => o.id),
          outcomes.map((o) => o.state),
          outcomes.map((o) => o.reason),
          outcomes.map((o) => o.items_done),
        ]);

      const blocked = new Set(
        barriers.filter(({ is_shared, holds_all }) => is_shared && !holds_all).map(({ organization_id }) => organization_id),
      );
      this.served[lane] = lastServed(
        waiting,
        ours.filter((id) => !blocked.has(id)),
        events,
      );
      const finished = outcomes.filter(({ state }) => state !== 'received').length;
      const bytes = events.reduce((sum, { body }) => sum + body.length, 0);
      const was_all = served === BEFORE_ALL && this.served[lane] === BEFORE_ALL;
      const was_full = finished < events.length || events.length >= rows / 2 || bytes >= TAKE_BYTES / 2;
      // Nothing came: others are at it, or the turn goes on.
      const more = events.length ? was_full || !was_all : this.served[lane] !== BEFORE_ALL;
      // The last lane was in the way of who wants both; who had both gives the last lane back when its turn is over.
      const frees_others = barriers.some(({ is_shared, holds_all }) => is_shared && (lane === LAST_LANE || (holds_all && !more)));
      return { finished, more, frees_others };
    });
    return { ...taken, effects };
  }

  private async next(tx: Tx, lane: Lane, barriers: readonly Barrier[], rows: number): Promise<WaitingEvent[]> {
    return tx.rows<WaitingEvent>(TAKE[lane].events, [
      barriers.map(({ organization_id }) => organization_id),
      rows,
      TAKE_BYTES,
      barriers.map(({ holds_all }) => holds_all),
    ]);
  }

  /** Runs `work` in one transaction on a worker's connection; answers what is to be done now that it has committed. */
  async transaction<R>(work: (tx: Tx) => Promise<R>): Promise<[result: R, effects: Effect[]]> {
    return this.workers.run((client) => this.database.transaction(client, work));
  }

  private async backlogBytes(organization_id: string): Promise<number> {
    const [{ bytes }] = await this.workers.rows<{ bytes: string }>(
      `SELECT coalesce(sum(octet_length(body)), 0) AS bytes FROM inbound_events WHERE state = 'received' AND organization_id = $1`,
      [organization_id],
    );
    return Number(bytes);
  }

  /** Rows that wait, counted up to a bound: a gauge must not cost more the worse things are. */
  async backlog(): Promise<number> {
    const [{ count }] = await this.workers.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT 1 FROM inbound_events WHERE state = 'received' LIMIT 100000) waiting`,
    );
    return count;
  }
}

/** Behind whom the next turn goes on; from the start, once everybody had theirs. */
function lastServed(waiting: readonly Waiting[], ours: readonly string[], events: readonly WaitingEvent[]): string {
  const came = new Set(events.map(({ organization_id }) => organization_id));
  const left_out = ours.find((id) => !came.has(id));
  if (!left_out && waiting.length < TAKE_ORGANIZATIONS) return BEFORE_ALL;
  return waiting.findLast(({ organization_id }) => !left_out || organization_id < left_out)?.organization_id ?? BEFORE_ALL;
}

export interface Outcome {
  id: string;
  /** `received`: the rest of it has another turn. */
  state: InboundState;
  reason: string | null;
  items_done: number;
}
