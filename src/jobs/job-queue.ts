import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Unavailable } from '#common/errors';
import { MAX_TIMER_MS, within } from '#common/time';
import type { Tracing } from '#observability/tracing';
import type { JobKind, QueueName } from './job-kinds';

/** What a `@Process` method is given. It may run twice: keep handlers repeatable. */
export interface Job<T extends object = object> {
  readonly id: string;
  readonly queue: QueueName;
  readonly name: string;
  readonly data: T;
  /** 1 on the first run. */
  readonly attempt: number;
  readonly attempts: number;
  /** Aborted when the run exceeds its timeout, or when the process stops and gives the job back. */
  readonly signal: AbortSignal;
}

export interface AddOptions {
  /**
   * At most one job with this id waits in the queue. Another `add` while one waits is a no-op. Once it runs, waits for a retry, or is over, another
   * `add` queues another job. So after every `add` a run *starts*: a wake-up is never lost, a spare one can happen. Ids are the queue's, not the
   * job name's.
   */
  job_id?: string;
}

export interface NewJob<T extends object = object> extends AddOptions {
  name: string;
  data: T;
}

export interface JobCounts {
  /** Ready to run. */
  waiting: number;
  /** Due later, by a backoff. */
  delayed: number;
  active: number;
  /** Dead letters: all attempts used up. */
  dead: number;
}

/** A dead letter, without its payload. */
export interface BuriedJob {
  id: string;
  name: string;
  failed_reason: string;
}

export type JobHandler<T extends object = object> = (job: Job<T>) => unknown;

/** What all queues of one process share. */
export interface JobHost {
  /** False in an `api` process: jobs are added here and run elsewhere. */
  readonly processes: boolean;
  /** Grows with every job added, started or finished here, so that `idle()` sees what moved between two looks. */
  activity: number;
  /** Runs a job as a trace of its own; absent: nobody traces. */
  readonly tracing?: Tracing;
}

/** `add` gives up after this: a request must not hang on a store that is down. */
const ADD_TIMEOUT_MS = 2_000;
/** One statement or pipeline stays well inside the timeout. */
const BULK_SIZE = 500;

/**
 * A queue of background jobs, injected by `@InjectQueue(name)`; the same on Bull (Redis) and on pg-boss (PostgreSQL).
 * Handlers are methods with `@Process(name?)` in a class with `@Processor(queue)`; one without a name takes what no other takes.
 * A job runs at least once, in no promised order.
 */
export abstract class JobQueue<T extends object = object> {
  protected readonly logger = new Logger('Jobs');
  protected readonly running = new Map<string, AbortController>();
  protected stopping = false;
  private readonly handlers = new Map<string, JobHandler<T>>();
  private readonly repeats: { name: string; data: T; every_seconds: number; offset_seconds: number; without_store: boolean }[] = [];
  /** Rounds that run here for want of a store. */
  private readonly here = new Set<string>();
  private readonly stopped = new AbortController();

  constructor(
    readonly name: QueueName,
    protected readonly kind: JobKind,
    protected readonly host: JobHost,
  ) {
    setMaxListeners(0, this.stopped.signal);
  }

  /** @throws {Unavailable} The store of the jobs is down; whether the job was queued is then unknown. Work that must survive is a row first. */
  async add(name: string, data: T, options: AddOptions = {}): Promise<void> {
    await this.addBulk([{ name, data, ...options }]);
  }

  /** @throws {Unavailable} As `add`; some of the jobs may be queued. */
  async addBulk(jobs: NewJob<T>[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += BULK_SIZE) {
      this.host.activity++;
      await this.bounded(() => this.insert(jobs.slice(from, from + BULK_SIZE)));
    }
  }

  /**
   * Queues a job every so many seconds, once in the whole cluster, from `onModuleInit` of whoever handles it. The clock's slots begin at
   * `offset_seconds` past midnight UTC 1970 (86400 and 10800: daily at 03:00 UTC). A slot missed because nobody was up runs once at the next
   * start. It never stacks: a round that still waits is not queued again.
   * `without_store`: while the jobs' store is away each process does the round by its own clock. For rounds over rows that are claimed.
   */
  repeat(
    name: string,
    data: T,
    {
      every_seconds,
      offset_seconds = 0,
      without_store = false,
    }: { every_seconds: number; offset_seconds?: number; without_store?: boolean },
  ): void {
    if (!(every_seconds >= 1)) throw new RangeError(`${this.name} ${name}: every_seconds is ${every_seconds}, the least is 1`);
    this.repeats.push({ name, data, every_seconds, offset_seconds, without_store });
  }

  /** Whether the rows that jobs work on are still there when the jobs' store is not. */
  protected abstract readonly rowsElsewhere: boolean;

  abstract counts(): Promise<JobCounts>;

  /** The last dead letters, newest first. */
  abstract buriedJobs(limit: number): Promise<BuriedJob[]>;

  protected abstract insert(jobs: NewJob<T>[]): Promise<void>;

  /** True for the one caller in the cluster who comes first for this slot. */
  protected abstract claimSlot(name: string, slot_seconds: number): Promise<boolean>;

  protected abstract startTaking(): void;

  /** Takes no more; resolves when all that was taken is done and filed. */
  protected abstract stopTaking(): Promise<void>;

  /** Puts running jobs back to the head of the queue, as if they had never started. */
  protected abstract giveBack(ids: string[]): Promise<void>;

  /** Called by the explorer of @nestjs/bull for each `@Process` method: `[name], handler`. How many run at a time is the queue's policy. */
  process(...args: (string | JobHandler<T>)[]): void {
    const handler = args.at(-1);
    if (typeof handler !== 'function') throw new TypeError(`${this.name}: a handler is a function`);
    const name = args.find((arg) => typeof arg === 'string') ?? '*';
    if (this.handlers.has(name)) throw new Error(`${this.name}: two handlers for ${name}`);
    this.handlers.set(name, handler);
  }

  /** Called by the explorer of @nestjs/bull for `@OnQueue…` methods, which only Bull could serve. */
  on(event: string): never {
    throw new Error(`${this.name}: @OnQueue… (${event}) is not served by every driver; do it in the handler`);
  }

  /** Starts taking jobs, in processes that do. @throws Nobody handles them: what is added would wait for ever. */
  start(): void {
    if (!this.host.processes) return;
    if (!this.handlers.size) throw new Error(`Nobody handles the jobs of ${this.name}`);
    this.startTaking();
    for (const repeat of this.repeats) void this.keepRepeating(repeat);
  }

  /** Takes no more, waits for the running ones, and gives back what is not done in time. */
  async stop(grace_ms: number): Promise<void> {
    this.stopping = true;
    this.stopped.abort();
    await within(grace_ms, () => this.stopTaking()).catch(() => undefined);

    const unfinished = [...this.running.entries()];
    if (unfinished.length === 0) return;
    try {
      await this.bounded(() => this.giveBack(unfinished.map(([id]) => id)));
      this.logger.warn(`${this.name}: ${unfinished.length} running job(s) given back to the queue`);
    } catch {
      this.logger.warn(`${this.name}: ${unfinished.length} running job(s) cannot be given back, their lease brings them back`);
    }
    for (const [, controller] of unfinished) controller.abort(new Error('The process stops'));
  }

  /** Runs the handler; the driver then files the job by whether this throws. */
  protected async execute(job: Omit<Job<T>, 'queue' | 'signal'>, controller: AbortController): Promise<void> {
    this.host.activity++;
    try {
      const handler = this.handlers.get(job.name) ?? this.handlers.get('*');
      if (!handler) throw new Error(`no handler for ${job.name}`);
      const run = async () => handler({ ...job, queue: this.name, signal: controller.signal });
      const bounded = () => within(this.kind.timeout_seconds * 1000, run, (late) => controller.abort(late));
      const { tracing } = this.host;
      await (tracing
        ? tracing.job(`${this.name} ${job.name}`, { service: 'worker', job_id: job.id, attempt: job.attempt }, bounded)
        : bounded());
    } catch (error) {
      const line = {
        queue: this.name,
        job: job.name,
        job_id: job.id,
        attempt: job.attempt,
        attempts: job.attempts,
        error: messageOf(error),
      };
      if (job.attempt < job.attempts) this.logger.warn({ msg: 'job failed, will be retried', ...line });
      else this.buried(line);
      throw error;
    } finally {
      this.host.activity++;
    }
  }

  /** One line for each dead letter, without its payload. */
  protected buried(line: { queue: string; job?: string; job_id: string; error: string }): void {
    this.logger.error({ msg: 'job is a dead letter', ...line });
  }

  /** Fails fast, and as our own error, when the store does not answer. */
  protected async bounded<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await within(ADD_TIMEOUT_MS, work);
    } catch (cause) {
      throw new Unavailable(undefined, undefined, { cause });
    }
  }

  /** The same round once at a time. A failure is logged; the next round finds the rows again. */
  private runHere(name: string, data: T): void {
    if (this.here.has(name)) return;
    this.here.add(name);
    const id = `here:${name}`;
    const controller = new AbortController();
    this.running.set(id, controller);
    void this.execute({ id, name, data, attempt: 1, attempts: this.kind.attempts + 1 }, controller)
      .catch(() => undefined)
      .finally(() => {
        this.running.delete(id);
        this.here.delete(name);
      });
  }

  private async keepRepeating({ name, data, every_seconds, offset_seconds, without_store }: (typeof this.repeats)[number]): Promise<void> {
    // A slot claimed while the store then went away is still owed.
    let owed = false;
    let done_here = 0;
    while (!this.stopping) {
      const now = Date.now() / 1000;
      const slot = Math.floor((now - offset_seconds) / every_seconds) * every_seconds + offset_seconds;
      let next_ms = (slot + every_seconds - now) * 1000;
      try {
        owed ||= await this.bounded(() => this.claimSlot(name, slot));
        if (owed) await this.add(name, data, { job_id: `repeat:${name}` });
        owed = false;
      } catch {
        // The driver has said that its store is down.
        if (without_store && this.rowsElsewhere && slot > done_here) {
          this.runHere(name, data);
          done_here = slot;
          owed = false;
        }
        next_ms = Math.min(next_ms, 5_000);
      }
      await sleep(Math.min(MAX_TIMER_MS, next_ms), undefined, { ref: false, signal: this.stopped.signal }).catch(() => undefined);
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
