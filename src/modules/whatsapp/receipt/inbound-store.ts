import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Pool, type PoolClient } from 'pg';
import { Unavailable } from '#common/errors';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { onOneConnection } from '#database/connections';
import type { InboundState } from './inbound-event.entity';

/** A webhook to keep: one row for each number it speaks of. */
export interface NewInboundEvent {
  organization_id: string | null;
  whatsapp_number_id: string | null;
  lane: number;
  state: InboundState;
  reason: string | null;
  body: Buffer;
}

/** A kept webhook that waits to be worked through. */
export interface WaitingEvent {
  id: string;
  organization_id: string;
  whatsapp_number_id: string;
  body: Buffer;
  received_at: Date;
}

/** Advisory lock class of the lanes. */
const LANE_LOCK = 0x7079_746b;
const BATCH_ROWS = 500;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Above this the door says 503 and Meta comes back: memory stays bounded when PostgreSQL is slow. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * A plan made while a table was small stays with its prepared statement until the next ANALYZE, and reads the whole table for every row when
 * it has grown. A batch pays for planning once and is worth it.
 */
const WORKER_SETTINGS = '-c statement_timeout=30000 -c plan_cache_mode=force_custom_plan';

export const INBOUND_CHANNEL = 'pytake_inbound';

// A loose scan: the smallest waiting lane, then the next, never the whole backlog. Lanes another worker holds are left to it.
const WAITING_LANES = `WITH RECURSIVE waiting(lane) AS (
    (SELECT lane FROM inbound_events WHERE state = 'received' ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT e.lane FROM inbound_events e WHERE e.state = 'received' AND e.lane > w.lane ORDER BY e.lane LIMIT 1) FROM waiting w WHERE w.lane IS NOT NULL)
  SELECT lane FROM (SELECT lane FROM waiting WHERE lane IS NOT NULL OFFSET 0) w WHERE pg_try_advisory_xact_lock(${LANE_LOCK}, w.lane)`;

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
  private readonly workers: Pool;
  private waiting: Write[] = [];
  private waiting_bytes = 0;
  private writing = false;

  constructor(private readonly config: Config) {
    const shared = { connectionString: config.database_url ?? undefined, application_name: 'pytake-inbound', keepAlive: true };
    // R11: an answer within 2 s, also when the database is gone.
    this.writers = new Pool({ ...shared, max: 1, connectionTimeoutMillis: 1200, query_timeout: 1800, idleTimeoutMillis: 0 });
    this.workers = new Pool({
      ...shared,
      max: 3,
      connectionTimeoutMillis: 2000,
      idleTimeoutMillis: 0,
      options: WORKER_SETTINGS,
    });
    for (const pool of [this.writers, this.workers]) pool.on('error', () => undefined);
  }

  /** After the doors are shut: a webhook that was let in is still kept. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.writers.end(), this.workers.end()]);
  }

  /**
   * Keeps the rows; resolved means durable.
   * @throws {Unavailable} The database did not take them; the provider repeats.
   */
  keep(rows: NewInboundEvent[]): Promise<void> {
    const bytes = rows.reduce((sum, row) => sum + row.body.length, 0);
    if (this.waiting_bytes + bytes > MAX_WAITING_BYTES) return Promise.reject(new Unavailable());
    return new Promise((done, failed) => {
      this.waiting.push({ rows, bytes, done, failed });
      this.waiting_bytes += bytes;
      // After this turn of the event loop: requests that were read together are written together.
      if (!this.writing) {
        this.writing = true;
        setImmediate(() => void this.write());
      }
    });
  }

  private async write(): Promise<void> {
    while (this.waiting.length) {
      const batch: Write[] = [];
      let rows = 0;
      let bytes = 0;
      while (
        this.waiting.length &&
        (rows === 0 || (rows + this.waiting[0].rows.length <= BATCH_ROWS && bytes + this.waiting[0].bytes <= BATCH_BYTES))
      ) {
        const write = this.waiting.shift() as Write;
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
        for (const write of [...batch, ...this.waiting.splice(0)]) {
          write.failed(unavailable);
          this.waiting_bytes -= write.bytes;
        }
        continue;
      }
      this.waiting_bytes -= bytes;
    }
    this.writing = false;
  }

  /** All bodies travel as one binary parameter and are cut apart in SQL: an array of bytea would travel as escaped text. */
  private async insert(rows: NewInboundEvent[]): Promise<void> {
    const offsets: number[] = [];
    let offset = 1;
    for (const row of rows) {
      offsets.push(offset);
      offset += row.body.length;
    }
    await this.writers.query({
      name: 'keep',
      text: `WITH kept AS (
          INSERT INTO inbound_events (id, organization_id, whatsapp_number_id, provider, lane, state, reason, body)
          SELECT r.id, r.organization_id, r.whatsapp_number_id, 'meta', r.lane, r.state, r.reason, substring($1::bytea from r.at for r.bytes)
            FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::text[], $8::int[], $9::int[])
              AS r(id, organization_id, whatsapp_number_id, lane, state, reason, at, bytes)
          RETURNING state)
        SELECT pg_notify('${INBOUND_CHANNEL}', '') WHERE $10 AND EXISTS (SELECT 1 FROM kept WHERE state = 'received')`,
      values: [
        Buffer.concat(rows.map((row) => row.body)),
        rows.map(() => newId()),
        rows.map((row) => row.organization_id),
        rows.map((row) => row.whatsapp_number_id),
        rows.map((row) => row.lane),
        rows.map((row) => row.state),
        rows.map((row) => row.reason),
        offsets,
        rows.map((row) => row.body.length),
        // Workers are elsewhere: wake them. In one process the worker is woken directly.
        this.config.process_role === 'api',
      ],
    });
  }

  /**
   * Runs `work` over the next waiting events in one transaction that also marks them done; lanes another worker holds are left to it.
   * Answers how many were taken; 0 when nothing waits or others are at it.
   */
  async take(limit: number, work: (client: PoolClient, events: WaitingEvent[]) => Promise<Outcome[]>): Promise<number> {
    let taken = 0;
    await this.transaction(async (client) => {
      const { rows: lanes } = await client.query<{ lane: number }>({ name: 'lanes', text: WAITING_LANES });
      if (!lanes.length) return;
      const { rows: events } = await client.query<WaitingEvent>({
        name: 'waiting',
        text: `SELECT e.id, e.organization_id, e.whatsapp_number_id, e.body, e.received_at
            FROM unnest($1::int[]) lane
            CROSS JOIN LATERAL (SELECT * FROM inbound_events w WHERE w.state = 'received' AND w.lane = lane ORDER BY w.id LIMIT $2) e
           ORDER BY e.id`,
        values: [lanes.map((row) => row.lane), Math.max(1, Math.ceil(limit / lanes.length))],
      });
      const outcomes = await work(client, events);
      await client.query({
        name: 'finish',
        text: `UPDATE inbound_events e SET state = o.state, reason = o.reason, processed_at = now()
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS o(id, state, reason) WHERE e.id = o.id`,
        values: [outcomes.map((o) => o.id), outcomes.map((o) => o.state), outcomes.map((o) => o.reason)],
      });
      taken = events.length;
    });
    return taken;
  }

  /** Runs `work` in one transaction on a worker's connection. */
  async transaction(work: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await this.workers.connect();
    let broken: Error | undefined;
    // The pool hears of the end of idle connections only; unheard, it would end the process.
    const lost = (error: Error): void => void (broken = error);
    client.on('error', lost);
    try {
      await client.query('BEGIN');
      await onOneConnection(() => work(client));
      await client.query('COMMIT');
    } catch (error) {
      broken ??= await rollback(client);
      throw error;
    } finally {
      client.off('error', lost);
      client.release(broken);
    }
  }

  /** Hears of rows kept by other processes; `lost` when the connection is gone. Answers how to stop. */
  async listen(heard: () => void, lost: () => void): Promise<() => void> {
    const client = await this.workers.connect();
    let stopped = false;
    const stop = (): void => {
      if (stopped) return;
      stopped = true;
      client.release(true);
      lost();
    };
    client.on('notification', heard);
    client.on('error', stop);
    await client.query(`LISTEN ${INBOUND_CHANNEL}`);
    return stop;
  }

  /** Rows that wait, counted up to a bound: a gauge must not cost more the worse things are. */
  async backlog(): Promise<number> {
    const { rows } = await this.workers.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT 1 FROM inbound_events WHERE state = 'received' LIMIT 100000) waiting`,
    );
    return rows[0].count;
  }
}

/** Undoes the transaction; the error of a connection that cannot even do that. */
const rollback = (client: PoolClient): Promise<Error | undefined> =>
  client.query('ROLLBACK').then(
    () => undefined,
    (failed: Error) => failed,
  );

export interface Outcome {
  id: string;
  state: InboundState;
  reason: string | null;
}
