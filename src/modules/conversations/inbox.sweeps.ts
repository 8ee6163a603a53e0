import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Database } from '#database/database';
import type { JobQueue } from '#jobs/job-queue';

const RETENTION_SECONDS = 3600;
/** Rows a statement deletes: a purge never holds locks for long. */
const PURGE_ROWS = 5000;
const PURGE_ROUNDS = 200;

/** What is kept only for a while, and for how long. Each table has an index that finds the oldest. */
const RETENTION: readonly { table: string; key: string; where: string }[] = [
  // Contract 20, 7.2: raw webhooks 30 days. The id is a UUIDv7, so it tells the time of receipt and needs no other index.
  { table: 'inbound_events', key: 'id', where: "state <> 'received' AND id < uuid_at(now() - interval '30 days')" },
  { table: 'parked_items', key: 'created_at', where: "kind = 'orphan' AND created_at < now() - interval '7 days'" },
  { table: 'parked_items', key: 'created_at', where: "kind = 'poison' AND created_at < now() - interval '90 days'" },
  // Contract 20, 4.3: at least 24 hours.
  { table: 'idempotency_keys', key: 'key', where: "created_at < now() - interval '25 hours'" },
  { table: 'refresh_tokens', key: 'id', where: "expires_at < now() - interval '7 days'" },
  { table: 'sessions', key: 'id', where: "expires_at < now() - interval '30 days'" },
];

/** What is kept too long goes. Over all organizations, in batches. */
@Processor('sweeper')
export class InboxSweeps implements OnModuleInit {
  private readonly logger = new Logger(InboxSweeps.name);

  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('retention', {}, { every_seconds: RETENTION_SECONDS, offset_seconds: 600, without_store: true });
  }

  @Process('retention')
  async retention(): Promise<void> {
    for (const { table, key, where } of RETENTION)
      for (let round = 0; round < PURGE_ROUNDS; round++) {
        const { length: removed } = await this.database.rows(
          `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE ${where} ORDER BY ${key} LIMIT ${PURGE_ROWS})) RETURNING 1`,
        );
        if (removed) this.logger.debug({ msg: 'past their retention', table, rows: removed });
        if (removed < PURGE_ROWS) break;
      }
  }
}
