import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Database } from '#database/database';
import { retentions } from '#database/retention';
import type { JobQueue } from './job-queue';

const EVERY_SECONDS = 3600;
/** Rows a statement deletes: a purge never holds locks for long. */
const PURGE_ROWS = 5000;
const PURGE_ROUNDS = 200;

/** What is kept too long goes. Over all organizations, in batches. */
@Processor('sweeper')
export class SweepRetention implements OnModuleInit {
  private readonly logger = new Logger(SweepRetention.name);

  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('retention', {}, { every_seconds: EVERY_SECONDS, offset_seconds: 600, without_store: true });
  }

  @Process('retention')
  async sweep(): Promise<void> {
    for (const { table, oldest, where } of retentions())
      for (let round = 0; round < PURGE_ROUNDS; round++) {
        const { length: removed } = await this.database.rows(
          `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} ORDER BY ${oldest} LIMIT ${PURGE_ROWS})) RETURNING 1`,
        );
        if (removed) this.logger.debug({ msg: 'past their retention', table, rows: removed });
        if (removed < PURGE_ROWS) break;
      }
  }
}
