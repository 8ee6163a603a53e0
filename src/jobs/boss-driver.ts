import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Client } from 'pg';
import { PgBoss, type JobWithMetadata } from 'pg-boss';
import { JOBS_SCHEMA } from '#database/rights';
import { DEAD_LETTERS, JOB_KINDS, type JobKind, type QueueName } from './job-kinds';
import { JobQueue, messageOf, type BuriedJob, type JobCounts, type JobHost, type NewJob } from './job-queue';
import type { JobDriver, JobDriverOptions } from './jobs';

/** How late a delayed or retried job, or one added by another process, may start. One indexed query each time. */
const POLL_MS = 1_000;
/** One a second: a database that restarts or fails over is back by then. */
const FILE_TRIES = 60;

interface Envelope {
  name: string;
  data: object;
}

/**
 * The jobs in PostgreSQL, by pg-boss 12: it owns the tables, adds, fetches and retries. Ours is the taking: pg-boss's own workers poll
 * one by one, while here one query a second looks over all queues and a job added in this process starts at once.
 */
export class BossDriver implements JobDriver {
  private readonly logger = new Logger('Jobs');
  private readonly queues = new Map<string, BossJobQueue<object>>();
  private timer: NodeJS.Timeout | undefined;
  private ticking: Promise<void> = Promise.resolve();
  private beat_at = 0;
  private down = false;
  private closed = false;

  private constructor(
    readonly boss: PgBoss,
    private readonly lease_seconds: number,
  ) {
    // A background error of pg-boss is a connection that broke; the tick says so once.
    boss.on('error', (error) => this.wentDown(error));
  }

  static async open({ database_url, lease_seconds }: JobDriverOptions & { database_url: string }): Promise<BossDriver> {
    const boss = new PgBoss({
      connectionString: database_url,
      application_name: 'pytake-jobs',
      schema: JOBS_SCHEMA,
      createSchema: !(await isThere(database_url)),
      max: 4,
      connectionTimeoutMillis: 10_000,
      schedule: false,
      // Only removes old dead letters and rebuilds bloated indexes: done jobs are deleted at once, lost ones are found by `tick`.
      superviseIntervalSeconds: 600,
      monitorIntervalSeconds: 600,
      maintenanceIntervalSeconds: 3_600,
      queueCacheIntervalSeconds: 600,
      bamIntervalSeconds: 600,
      flowIntervalSeconds: 600,
    });
    const driver = new BossDriver(boss, lease_seconds);
    await boss.start();
    // `short`: one waiting job for each singletonKey, any number running; see `insert`.
    for (const name of Object.keys(JOB_KINDS)) await boss.createQueue(name, { policy: 'short' });
    const slots = `CREATE TABLE IF NOT EXISTS ${JOBS_SCHEMA}.slot (queue text, name text, slot bigint NOT NULL, PRIMARY KEY (queue, name))`;
    // Of two processes that make it at the same moment one is refused (PostgreSQL): by then it is there.
    await driver.sql(slots).catch(() => driver.sql(slots));
    return driver;
  }

  queue(name: QueueName, kind: JobKind, host: JobHost): JobQueue {
    const queue = new BossJobQueue<object>(name, kind, host, this);
    this.queues.set(name, queue);
    return queue;
  }

  /** Queues that take jobs are looked over from now on. */
  watch(): void {
    this.timer ??= setTimeout(() => this.look(), POLL_MS).unref();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.ticking;
    await this.boss.stop({ graceful: false, close: true });
  }

  async sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    const { rows } = (await this.boss.getDb().executeSql(text, values)) as { rows: Record<string, unknown>[] };
    return rows;
  }

  wentDown(error: unknown): void {
    if (!this.down && !this.closed) this.logger.warn(`The job store is away: ${messageOf(error)}`);
    this.down = true;
  }

  private look(): void {
    this.ticking = this.tick()
      .then(() => {
        if (this.down) this.logger.log('The job store is back, jobs go on');
        this.down = false;
      })
      .catch((error: unknown) => this.wentDown(error))
      .finally(() => {
        if (!this.closed) this.timer = setTimeout(() => this.look(), POLL_MS).unref();
      });
  }

  /** Wakes the queues where something is due; now and then renews the lease of what runs here and takes back what lost its worker. */
  private async tick(): Promise<void> {
    const taking = [...this.queues.values()].filter((queue) => queue.isTaking);
    const beat_ms = (this.lease_seconds * 1000) / 4;
    if (Date.now() - this.beat_at >= beat_ms) {
      // In this order: after a pause of this process or of the database its own jobs are not lost ones.
      for (const queue of this.queues.values()) await queue.renew();
      await this.takeBack(taking.map((queue) => queue.name));
      this.beat_at = Date.now();
    }
    const due = await this.sql(
      `SELECT q AS name FROM unnest($1::text[]) q WHERE EXISTS
         (SELECT 1 FROM ${JOBS_SCHEMA}.job WHERE name = q AND state < 'active' AND NOT blocked AND start_after <= now())`,
      [taking.map((queue) => queue.name)],
    );
    for (const { name } of due) this.queues.get(String(name))?.wake();
  }

  /** A run whose lease was not renewed has lost its process: it counts as an attempt, for it may be what killed it. */
  private async takeBack(names: QueueName[]): Promise<void> {
    const lost = await this.sql(
      `UPDATE ${JOBS_SCHEMA}.job SET
         state = (CASE WHEN retry_count < retry_limit THEN 'retry' ELSE 'failed' END)::${JOBS_SCHEMA}.job_state,
         completed_on = CASE WHEN retry_count < retry_limit THEN NULL ELSE now() END,
         start_after = now(), heartbeat_on = NULL, output = '{"message": "the worker was lost"}'
       WHERE name = ANY($1) AND state = 'active' AND heartbeat_on < now() - $2 * interval '1 second'
       RETURNING name, id, state, data ->> 'name' AS job`,
      [names, this.lease_seconds],
    );
    for (const { name, id, state, job } of lost) {
      const line = { queue: String(name), job: String(job), job_id: String(id), error: 'the worker was lost' };
      if (state === 'failed') this.queues.get(line.queue)?.tellBuried(line);
      else this.logger.warn({ msg: 'job lost its worker, will be retried', ...line });
    }
  }
}

class BossJobQueue<T extends object> extends JobQueue<T> {
  isTaking = false;
  protected readonly rowsElsewhere = false;
  private readonly tasks = new Set<Promise<void>>();
  private readonly claims = new Map<string, { id: string; retryCount: number }>();
  private fetching: Promise<void> | null = null;
  private again = false;
  /** The last look left jobs behind for want of a free place. */
  private more = false;

  constructor(
    name: QueueName,
    kind: JobKind,
    host: JobHost,
    private readonly driver: BossDriver,
  ) {
    super(name, kind, host);
  }

  async counts(): Promise<JobCounts> {
    const [row] = await this.bounded(() =>
      this.driver.sql(
        `SELECT count(*) FILTER (WHERE state < 'active' AND start_after <= now())::int AS waiting,
                count(*) FILTER (WHERE state < 'active' AND start_after > now())::int AS delayed,
                count(*) FILTER (WHERE state = 'active')::int AS active,
                count(*) FILTER (WHERE state = 'failed')::int AS dead
         FROM ${JOBS_SCHEMA}.job WHERE name = $1`,
        [this.name],
      ),
    );
    return { waiting: Number(row.waiting), delayed: Number(row.delayed), active: Number(row.active), dead: Number(row.dead) };
  }

  async buriedJobs(limit: number): Promise<BuriedJob[]> {
    const rows = await this.bounded(() =>
      this.driver.sql(
        `SELECT id, data ->> 'name' AS name, coalesce(output ->> 'message', '') AS failed_reason
           FROM ${JOBS_SCHEMA}.job WHERE name = $1 AND state = 'failed' ORDER BY completed_on DESC NULLS LAST LIMIT $2`,
        [this.name, limit],
      ),
    );
    return rows.map(({ id, name, failed_reason }) => ({ id: String(id), name: String(name), failed_reason: String(failed_reason) }));
  }

  /** Takes what is due, as far as there is room. */
  wake(): void {
    if (!this.isTaking || this.stopping) return;
    this.again = true;
    this.fetching ??= this.take().then(
      () => {
        this.fetching = null;
        // Woken between its last look and here.
        if (this.again) this.wake();
      },
      (error: unknown) => {
        this.fetching = null;
        this.driver.wentDown(error);
      },
    );
  }

  async renew(): Promise<void> {
    if (this.claims.size > 0) await this.driver.boss.touch(this.name, [...this.claims.values()]);
  }

  tellBuried(line: { queue: string; job: string; job_id: string; error: string }): void {
    this.buried(line);
  }

  protected async insert(jobs: NewJob<T>[]): Promise<void> {
    const { base_seconds, max_seconds } = this.kind.backoff;
    await this.driver.boss.insert(
      this.name,
      jobs.map(({ name, data, job_id }) => ({
        data: { name, data } satisfies Envelope,
        // The unique index of policy `short` holds only jobs that were never taken, so neither a running nor a failed one blocks an add.
        singletonKey: job_id ?? randomUUID(),
        retryLimit: this.kind.attempts - 1,
        retryDelay: base_seconds,
        retryDelayMax: max_seconds,
        retryBackoff: true,
        // pg-boss deletes what waits longer, and fails what runs longer: both only as a last resort, behind our own rules.
        retentionSeconds: 365 * 86_400,
        expireInSeconds: Math.min(86_400, Math.ceil(this.kind.timeout_seconds) + 600),
        deleteAfterSeconds: DEAD_LETTERS.keep_seconds,
      })),
    );
    this.wake();
  }

  protected async claimSlot(name: string, slot_seconds: number): Promise<boolean> {
    const rows = await this.driver.sql(
      `INSERT INTO ${JOBS_SCHEMA}.slot AS s (queue, name, slot) VALUES ($1, $2, $3)
       ON CONFLICT (queue, name) DO UPDATE SET slot = excluded.slot WHERE s.slot < excluded.slot RETURNING 1`,
      [this.name, name, slot_seconds],
    );
    return rows.length > 0;
  }

  protected startTaking(): void {
    this.isTaking = true;
    this.driver.watch();
    this.wake();
  }

  protected async stopTaking(): Promise<void> {
    await this.fetching;
    await Promise.all(this.tasks);
    this.isTaking = false;
  }

  protected async giveBack(ids: string[]): Promise<void> {
    for (const id of ids) this.claims.delete(id);
    // Not `created`, where another of the same job_id may wait by now. Without `started_on` the next run is the same attempt.
    await this.driver.sql(
      `UPDATE ${JOBS_SCHEMA}.job SET state = 'retry', started_on = NULL, heartbeat_on = NULL, start_after = now()
       WHERE name = $1 AND id = ANY($2::uuid[]) AND state = 'active'`,
      [this.name, ids],
    );
  }

  private async take(): Promise<void> {
    while (this.again && !this.stopping) {
      this.again = false;
      const room = this.kind.concurrency - this.claims.size;
      this.more = room <= 0;
      if (this.more) return;
      const jobs = await this.driver.boss.fetch<Envelope>(this.name, { batchSize: room, includeMetadata: true });
      this.more = jobs.length === room;
      for (const job of jobs) {
        const task = this.run(job).finally(() => this.tasks.delete(task));
        this.tasks.add(task);
      }
    }
  }

  private async run(job: JobWithMetadata<Envelope>): Promise<void> {
    const controller = new AbortController();
    const { id, retryCount } = job;
    this.running.set(id, controller);
    this.claims.set(id, { id, retryCount });
    // The data is what `add` was given; pg-boss only stored it.
    const data = job.data.data as T;
    let failure: { message: string } | null = null;
    try {
      await this.execute({ id, name: job.data.name, data, attempt: retryCount + 1, attempts: job.retryLimit + 1 }, controller);
    } catch (error) {
      // PostgreSQL's json knows no NUL.
      failure = { message: messageOf(error).slice(0, 2_000).replaceAll('\u0000', '') };
    }
    // A job that was given back is another's now.
    if (this.claims.has(id)) await this.file({ id, retryCount }, failure);
    this.claims.delete(id);
    this.running.delete(id);
    this.host.activity++;
    if (this.more) this.wake();
  }

  /** The claim stays and is renewed until the outcome is filed; if that never works the lease runs out and the job runs again. */
  private async file(claim: { id: string; retryCount: number }, failure: { message: string } | null): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        if (failure) await this.driver.boss.fail(this.name, claim, failure);
        else await this.driver.boss.deleteJob(this.name, claim);
        return;
      } catch (error) {
        this.driver.wentDown(error);
        if (tries === FILE_TRIES || this.stopping) return;
        await sleep(1_000);
      }
    }
  }
}

/** Whether pg-boss's schema is there: who may not make one is refused also where nothing is to be made. */
async function isThere(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, application_name: 'pytake-jobs', connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [JOBS_SCHEMA]);
    return rowCount === 1;
  } finally {
    await client.end();
  }
}
