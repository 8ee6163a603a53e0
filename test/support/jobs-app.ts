import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Inject, Injectable, Module, type INestApplicationContext, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JobQueue, type Job } from '#jobs/job-queue';
import { Jobs, type JobsOptions } from '#jobs/jobs';
import { JobsModule } from '#jobs/jobs.module';

export interface Work {
  key: string;
  /** The first so many runs fail. */
  fails?: number;
}

/** What a test sees and steers of the handlers of one process. */
export class Desk {
  readonly runs: Job<Work>[] = [];
  readonly lines: string[] = [];
  /** Runs of these keys wait until they are released. */
  private readonly held = new Map<string, { promise: Promise<void>; resolve: () => void }>();

  hold(key: string): () => void {
    const gate = Promise.withResolvers<void>();
    this.held.set(key, gate);
    return () => {
      this.held.delete(key);
      gate.resolve();
    };
  }

  async run(job: Job<Work>): Promise<void> {
    this.runs.push(job);
    await this.held.get(job.data.key)?.promise;
    if (job.attempt <= (job.data.fails ?? 0)) throw new Error(`${job.data.key} broke`);
  }

  of(key: string): Job<Work>[] {
    return this.runs.filter((job) => job.data.key === key);
  }
}

@Injectable()
@Processor('whatsapp-receipts')
export class OutboundWorker {
  constructor(@Inject(Desk) private readonly desk: Desk) {}

  @Process('work')
  work(job: Job<Work>): Promise<void> {
    return this.desk.run(job);
  }

  @Process()
  async anything(job: Job<Work>): Promise<void> {
    await this.desk.run({ ...job, name: `any ${job.name}` });
  }
}

@Injectable()
@Processor('sweeper')
export class SweepWorker {
  constructor(
    @Inject(Desk) private readonly desk: Desk,
    @InjectQueue('sweeper') private readonly sweeper: JobQueue<Work>,
  ) {}

  onModuleInit(): void {
    this.sweeper.repeat('hourly', { key: 'hourly' }, { every_seconds: 3600 });
    this.sweeper.repeat('often', { key: 'often' }, { every_seconds: 1 });
    this.sweeper.repeat('faithful', { key: 'faithful' }, { every_seconds: 1, without_store: true });
  }

  @Process()
  sweep(job: Job<Work>): Promise<void> {
    return this.desk.run(job);
  }
}

@Module({})
class WorkersModule {}

export interface JobsApp {
  context: INestApplicationContext;
  desk: Desk;
  jobs: Jobs;
  outbound: JobQueue<Work>;
  close(): Promise<void>;
}

/** A process of the product, as far as jobs are concerned. */
export async function startJobsApp(options: JobsOptions, { sweeps = false } = {}): Promise<JobsApp> {
  const desk = new Desk();
  const write = (message: unknown) => void desk.lines.push(typeof message === 'string' ? message : JSON.stringify(message));
  const logger: LoggerService = { log: write, warn: write, error: write };
  const context = await NestFactory.createApplicationContext(
    {
      module: WorkersModule,
      imports: [
        JobsModule.forRootAsync({ useFactory: () => options }),
        JobsModule.register('whatsapp-receipts', ...(sweeps ? (['sweeper'] as const) : [])),
      ],
      providers: [{ provide: Desk, useValue: desk }, OutboundWorker, ...(sweeps ? [SweepWorker] : [])],
    },
    { logger, abortOnError: false },
  );
  const jobs = context.get(Jobs);
  return { context, desk, jobs, outbound: jobs.queue('whatsapp-receipts') as JobQueue<Work>, close: () => context.close() };
}
