import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import Bull from 'bull';
import { Redis, type RedisOptions } from 'ioredis';
import { backoffSeconds, DEAD_LETTERS, type JobKind, type QueueName } from './job-kinds';
import { within } from '#common/time';
import { JobQueue, messageOf, type BuriedJob, type JobCounts, type JobHost, type NewJob } from './job-queue';
import type { JobDriver, JobDriverOptions } from './jobs';

/** The braces keep all keys of the scripts in one slot of a Redis Cluster. */
const PREFIX = '{jobs}';
/** Bull keeps the due time of a delayed job in the upper bits of its score. */
const DELAYED_SCORE = 0x1000;

/** What Bull's job carries beyond the caller's data; never seen by handlers. */
interface Envelope {
  data: object;
  /** The key that names this waiting job; deleted when it starts. */
  ticket?: string;
}

/** The jobs on Redis, by Bull 4. One connection adds, one listens, and one per queue waits. */
export class BullDriver implements JobDriver {
  private readonly logger = new Logger('Jobs');
  private readonly options: RedisOptions;
  private readonly connections: Redis[] = [];
  private readonly queues: BullJobQueue<object>[] = [];
  readonly client: Redis;
  private readonly subscriber: Redis;
  private down = false;
  private closed = false;

  constructor(
    private readonly redis_url: string,
    private readonly lease_seconds: number,
  ) {
    // A worker's commands wait for Redis as long as it takes (Bull demands it of the blocking ones); adding looks at `ready` first.
    this.options = {
      maxRetriesPerRequest: null,
      enableReadyCheck: false,
      retryStrategy: (times) => Math.min(times * 100, 1_000),
      disconnectTimeout: 200,
    };
    this.client = this.connect({ enableReadyCheck: true });
    this.subscriber = this.connect();

    this.client.on('ready', () => {
      if (this.down) this.logger.log('Redis is back, jobs go on');
      this.down = false;
    });
    this.client.on('close', () => {
      if (!this.down && !this.closed)
        this.logger.warn('Redis is away: until it returns, what is due is taken from PostgreSQL by the clock');
      this.down = true;
    });
  }

  static async open({ redis_url, lease_seconds }: JobDriverOptions & { redis_url: string }): Promise<BullDriver> {
    const driver = new BullDriver(redis_url, lease_seconds);
    // A Redis that is away does not stop the start: rows are written, the sweeper comes later.
    await within(2_000, () => new Promise((resolve) => driver.client.once('ready', resolve))).catch(() => undefined);
    return driver;
  }

  get ready(): boolean {
    return this.client.status === 'ready';
  }

  queue(name: QueueName, kind: JobKind, host: JobHost): JobQueue {
    const bull: Bull.Queue<Envelope> = new Bull<Envelope>(name, {
      prefix: PREFIX,
      createClient: (type): Redis => {
        if (type !== 'bclient') return type === 'client' ? this.client : this.subscriber;
        queue.waiting = this.waiting();
        return queue.waiting;
      },
      settings: {
        // A worker that died is noticed by its lock, in two looks: after lease + 2 · lease/2 at the latest.
        lockDuration: this.lease_seconds * 1000,
        lockRenewTime: (this.lease_seconds * 1000) / 4,
        stalledInterval: (this.lease_seconds * 1000) / 2,
        // A job that takes its process down with it is a dead letter too, in the end.
        maxStalledCount: kind.attempts,
        retryProcessDelay: 1_000,
        backoffStrategies: { policy: (attempts: number) => Math.ceil(backoffSeconds(kind.backoff, attempts) * 1000) },
      },
    });
    // It names the waiting connection by a promise nobody looks at: Redis going away just then would end the process.
    Object.assign(bull, { setWorkerName: () => Promise.resolve() });
    const queue: BullJobQueue<object> = new BullJobQueue<object>(name, kind, host, bull, this);
    this.queues.push(queue);
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.close()));
    this.closed = true;
    for (const connection of this.connections) connection.disconnect();
  }

  /**
   * The connection on which one queue waits for jobs. To end the wait Bull drops and reconnects it without looking at the outcome: when we
   * close meanwhile, a refusal would be unhandled and end the process, and a success would keep it from ending.
   */
  private waiting(): Redis {
    const connection = this.connect();
    const connect = connection.connect.bind(connection);
    connection.connect = async () => (this.closed ? undefined : connect().catch(() => undefined));
    return connection;
  }

  private connect(own: RedisOptions = {}): Redis {
    const connection = new Redis(this.redis_url, { ...this.options, ...own });
    connection.setMaxListeners(0);
    // Every refused reconnection is an error event; `close` has said it once.
    connection.on('error', () => undefined);
    this.connections.push(connection);
    return connection;
  }
}

class BullJobQueue<T extends object> extends JobQueue<T> {
  /** Where this queue waits for jobs, once it takes any. */
  waiting: Redis | null = null;
  private taking = false;
  protected readonly rowsElsewhere = true;

  constructor(
    name: QueueName,
    kind: JobKind,
    host: JobHost,
    private readonly bull: Bull.Queue<Envelope>,
    private readonly driver: BullDriver,
  ) {
    super(name, kind, host);
    // Errors of the connection are the driver's to tell.
    bull.on('error', (error) => {
      if (driver.ready && !this.stopping) this.logger.warn(`${name}: ${messageOf(error)}`);
    });
  }

  async counts(): Promise<JobCounts> {
    return this.bounded(async () => {
      this.assertReady();
      const key = (part: string) => this.bull.toKey(part);
      const now = (Date.now() + 1) * DELAYED_SCORE;
      const replies = await this.driver.client
        .multi()
        .llen(key('wait'))
        .zcount(key('delayed'), 0, now)
        .zcard(key('delayed'))
        .llen(key('active'))
        .zcard(key('failed'))
        .exec();
      const [wait = 0, due = 0, delayed = 0, active = 0, dead = 0] = (replies ?? []).map(([, value]) => Number(value));
      return { waiting: wait + due, delayed: delayed - due, active, dead };
    });
  }

  async buriedJobs(limit: number): Promise<BuriedJob[]> {
    return this.bounded(async () => {
      this.assertReady();
      // Bull counts from the newest.
      const jobs = await this.bull.getFailed(0, limit - 1);
      return jobs.map(({ id, name, failedReason = '' }) => ({ id: String(id), name, failed_reason: failedReason }));
    });
  }

  /**
   * Bull refuses an id it still knows, also of a job that runs or has failed, and that add would be lost. So the caller's id names a ticket,
   * and the ticket holds the Bull id of the job that waits: the first add writes it, the others find it and are refused by Bull, and the
   * job deletes it before its handler begins. An add that read the ticket just before is safe too: the handler begins after it.
   */
  protected async insert(jobs: NewJob<T>[]): Promise<void> {
    this.assertReady();
    const ids = await Promise.all(
      jobs.map(async ({ job_id }) => {
        if (job_id === undefined) return { id: randomUUID() };
        const ticket = this.bull.toKey(`ticket:${job_id}`);
        return { id: await this.ticket(ticket, `${job_id}:${randomUUID()}`), ticket };
      }),
    );
    await this.bull.addBulk(
      jobs.map(({ name, data }, i) => ({
        name,
        data: { data, ticket: ids[i].ticket },
        opts: {
          jobId: ids[i].id,
          attempts: this.kind.attempts,
          backoff: { type: 'policy' },
          removeOnComplete: true,
          removeOnFail: { age: DEAD_LETTERS.keep_seconds, count: DEAD_LETTERS.keep_in_redis },
        },
      })),
    );
  }

  protected async claimSlot(name: string, slot_seconds: number): Promise<boolean> {
    this.assertReady();
    const script = `
      if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '-1') >= tonumber(ARGV[2]) then return 0 end
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      return 1`;
    return (await this.driver.client.eval(script, 1, this.bull.toKey('slots'), name, slot_seconds)) === 1;
  }

  protected startTaking(): void {
    this.taking = true;
    const process = this.bull.process('*', this.kind.concurrency, async (job: Bull.Job<Envelope>) => {
      const controller = new AbortController();
      const id = String(job.id);
      this.running.set(id, controller);
      try {
        if (job.data.ticket !== undefined) await this.dropTicket(job.data.ticket, id);
        const attempts = job.opts.attempts ?? 1;
        // The data is what `add` was given; Bull only stored it.
        const data = job.data.data as T;
        await this.execute({ id, name: job.name, data, attempt: job.attemptsMade + 1, attempts }, controller);
      } finally {
        this.running.delete(id);
      }
    });
    process.catch((error: unknown) => {
      if (!this.stopping) this.logger.error(`${this.name}: takes no jobs: ${messageOf(error)}`);
    });
    this.bull.on('failed', (job: Bull.Job<Envelope> | null, error) => {
      // Only a stalled job fails without its handler having told.
      if (job && /stalled/.test(error.message))
        this.buried({ queue: this.name, job: job.name, job_id: String(job.id), error: error.message });
    });
  }

  protected async stopTaking(): Promise<void> {
    if (!this.taking) return;
    // Without Redis nothing more comes in, and nothing can be filed.
    if (this.driver.ready) {
      const paused = this.bull.pause(true, true);
      // Bull asks politely, which a blocked connection hears only when its wait is over; meanwhile it would take one more job.
      await nextTurn();
      this.waiting?.disconnect();
      await within(2_000, () => paused).catch(() => undefined);
    }
    while (this.running.size > 0) await sleep(20, undefined, { ref: false });
    // Bull files a job after its handler has returned.
    if (this.driver.ready) await this.bull.whenCurrentJobsFinished();
  }

  protected async giveBack(ids: string[]): Promise<void> {
    this.assertReady();
    const script = `
      if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
      redis.call('DEL', KEYS[3])
      return redis.call('RPUSH', KEYS[2], ARGV[1])`;
    const { client } = this.driver;
    const key = (part: string) => this.bull.toKey(part);
    await Promise.all(ids.map((id) => client.eval(script, 3, key('active'), key('wait'), key(`${id}:lock`), id)));
  }

  async close(): Promise<void> {
    await within(2_000, () => this.bull.close(true)).catch(() => undefined);
  }

  private async ticket(key: string, id: string): Promise<string> {
    const script = `
      local id = redis.call('GET', KEYS[1])
      if id then return id end
      redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
      return ARGV[1]`;
    // Lives a day: a ticket whose job was never written must not lie around for ever.
    return String(await this.driver.client.eval(script, 1, key, id, 86_400_000));
  }

  /** Only its own: a retry must not drop the ticket of a job that waits behind it. */
  private async dropTicket(key: string, id: string): Promise<void> {
    const script = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
    await this.driver.client.eval(script, 1, key, id);
  }

  private assertReady(): void {
    if (!this.driver.ready) throw new Error('Redis is not connected');
  }
}
