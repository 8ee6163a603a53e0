import { setTimeout as sleep } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Optional,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { ProcessRole } from '#config/config';
import { Tracing } from '#observability/tracing';
import { JOB_KINDS, type JobKind, type QueueName } from './job-kinds';
import type { JobCounts, JobHost, JobQueue } from './job-queue';

export interface JobsOptions {
  /** Set: Bull on this Redis. Null: pg-boss in the PostgreSQL of `database_url`. */
  redis_url: string | null;
  database_url: string | null;
  role: ProcessRole;
  /** How long a worker that died keeps its jobs; they run again after that, at the latest after twice as long. */
  lease_seconds?: number;
  /** How long a stop waits for running jobs before it gives them back. */
  stop_grace_seconds?: number;
  /** Other policies, for tests. */
  kinds?: Partial<Record<QueueName, Partial<JobKind>>>;
}

export interface JobDriverOptions {
  lease_seconds: number;
}

export interface JobDriver {
  queue(name: QueueName, kind: JobKind, host: JobHost): JobQueue;
  close(): Promise<void>;
}

export const JOBS_OPTIONS = Symbol('JOBS_OPTIONS');
export const JOB_DRIVER = Symbol('JOB_DRIVER');
export const DEFAULT_LEASE_SECONDS = 20;
const DEFAULT_STOP_GRACE_SECONDS = 20;

/** All queues of this process: starts and stops them, counts them, waits for them. */
@Injectable()
export class Jobs implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly queues = new Map<QueueName, JobQueue>();
  private readonly host: JobHost;

  constructor(
    @Inject(JOBS_OPTIONS) private readonly options: JobsOptions,
    @Inject(JOB_DRIVER) private readonly driver: JobDriver,
    @Optional() tracing?: Tracing,
  ) {
    this.host = { processes: options.role !== 'api', activity: 0, tracing };
  }

  queue(name: QueueName): JobQueue {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = this.driver.queue(name, { ...JOB_KINDS[name], ...this.options.kinds?.[name] }, this.host);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** Every queue this process knows. */
  all(): JobQueue[] {
    return [...this.queues.values()];
  }

  /** How many jobs in which state, for metrics and health. */
  async counts(): Promise<Partial<Record<QueueName, JobCounts>>> {
    return Object.fromEntries(await Promise.all([...this.queues].map(async ([name, queue]) => [name, await queue.counts()])));
  }

  /** Resolves when nothing waits (delayed jobs and backoffs aside) or runs; for tests. */
  async idle(): Promise<void> {
    for (;;) {
      const before = this.host.activity;
      const counts = await Promise.all([...this.queues.values()].map((queue) => queue.counts()));
      // Counts are taken one after the other: a job may have hopped from a queue not yet looked at to one already seen.
      if (before === this.host.activity && counts.every(({ waiting, active }) => waiting + active === 0)) return;
      await sleep(10);
    }
  }

  /** Not before: a handler finds every room of the house ready. */
  onApplicationBootstrap(): void {
    for (const queue of this.queues.values()) queue.start();
  }

  /** Before any store closes. */
  async onModuleDestroy(): Promise<void> {
    const grace_ms = (this.options.stop_grace_seconds ?? DEFAULT_STOP_GRACE_SECONDS) * 1000;
    await Promise.all([...this.queues.values()].map((queue) => queue.stop(grace_ms)));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.driver.close();
  }
}
