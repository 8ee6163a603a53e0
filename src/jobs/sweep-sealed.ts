import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Reseal } from '#database/reseal';
import type { Job, JobQueue } from './job-queue';

const EVERY_SECONDS = 3600;

/** What an older key sealed is sealed with the newest one. A round that runs out of time is gone on with in the next. */
@Processor('sweeper')
export class SweepSealed implements OnModuleInit {
  private readonly logger = new Logger(SweepSealed.name);

  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly reseal: Reseal,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('reseal', {}, { every_seconds: EVERY_SECONDS, offset_seconds: 900, without_store: true });
  }

  @Process('reseal')
  async sweep({ signal }: Job): Promise<void> {
    for (const { table, rows, unopened } of await this.reseal.run({ signal })) {
      if (rows) this.logger.log({ msg: 'sealed with the newest key', table, rows });
      if (unopened) this.logger.warn({ msg: 'sealed with a key that is not in ENCRYPTION_KEYS_OLD, or altered', table, rows: unopened });
    }
  }
}
