import { BullModule, getQueueToken } from '@nestjs/bull';
import { Module, type DynamicModule, type FactoryProvider, type ModuleMetadata } from '@nestjs/common';
import { BossDriver } from './boss-driver';
import { BullDriver } from './bull-driver';
import type { QueueName } from './job-kinds';
import { DEFAULT_LEASE_SECONDS, Jobs, JOBS_OPTIONS, JOB_DRIVER, type JobDriver, type JobsOptions } from './jobs';

interface JobsAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: FactoryProvider['inject'];
  useFactory: (...args: never[]) => JobsOptions | Promise<JobsOptions>;
}

async function openDriver({ redis_url, database_url, lease_seconds = DEFAULT_LEASE_SECONDS }: JobsOptions): Promise<JobDriver> {
  if (redis_url !== null) return BullDriver.open({ redis_url, lease_seconds });
  if (database_url !== null) return BossDriver.open({ database_url, lease_seconds });
  throw new Error('Jobs need a Redis or a PostgreSQL');
}

/**
 * Background jobs, written once with `@Processor`, `@Process` and `@InjectQueue` of @nestjs/bull. Which driver works is known only when
 * the configuration is there, so the queues behind the tokens are made here; the explorer that finds the handlers is Nest's own.
 */
@Module({})
export class JobsModule {
  static forRoot(options: JobsOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: JobsAsyncOptions): DynamicModule {
    return {
      module: JobsModule,
      global: true,
      // No queues of its own: this brings the explorer.
      imports: [...imports, BullModule.registerQueue()],
      providers: [
        { provide: JOBS_OPTIONS, inject, useFactory },
        { provide: JOB_DRIVER, inject: [JOBS_OPTIONS], useFactory: openDriver },
        Jobs,
      ],
      exports: [Jobs],
    };
  }

  /** The queues a room injects by `@InjectQueue(name)` or works through by `@Processor(name)`. */
  static register(...names: QueueName[]): DynamicModule {
    const providers = names.map((name) => ({ provide: getQueueToken(name), inject: [Jobs], useFactory: (jobs: Jobs) => jobs.queue(name) }));
    return { module: JobsModule, providers, exports: providers };
  }
}
