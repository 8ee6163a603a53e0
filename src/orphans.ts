import { InjectQueue, Process, Processor } from '@nestjs/bull';
import { Logger, type OnModuleInit } from '@nestjs/common';
import { Database } from '#database/database';
import { unchecked } from '#database/references';
import type { JobQueue } from '#jobs/job-queue';
import { Metrics, type MetricsOf, declareMetrics } from '#observability/metrics';

export const ORPHAN_METRICS = declareMetrics({
  orphan_references: { kind: 'gauge', help: 'Rows that name a row which is not there, counted nightly', labels: ['table', 'column'] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof ORPHAN_METRICS> {}
}

const DAY_SECONDS = 86_400;
const AT_NIGHT_SECONDS = 3 * 3600;

/** References that PostgreSQL does not check are looked at every night, over all organizations. */
@Processor('sweeper')
export class Orphans implements OnModuleInit {
  private readonly logger = new Logger(Orphans.name);

  constructor(
    @InjectQueue('sweeper') private readonly queue: JobQueue,
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.queue.repeat('orphans', {}, { every_seconds: DAY_SECONDS, offset_seconds: AT_NIGHT_SECONDS });
  }

  @Process('orphans')
  async orphans(): Promise<void> {
    const { source } = this.database;
    for (const { entity, column, to } of unchecked) {
      const { tableName: table } = source.getMetadata(entity);
      const { tableName: target } = source.getMetadata(typeof to === 'string' ? to : to());
      const rows = await this.count(table, column, target);
      this.metrics.gauge('orphan_references').set({ table, column }, rows);
      if (rows) this.logger.warn({ msg: 'rows name a row that is not there', table, column, rows });
    }
  }

  private count(table: string, column: string, target: string): Promise<number> {
    return this.database.tx(async (tx) => {
      // All rows, for as long as the job has.
      await tx.rows(`SET LOCAL statement_timeout = '4min'`);
      const [{ count }] = await tx.rows<{ count: number }>(
        `SELECT count(*)::int AS count FROM ${table} c WHERE c.${column} IS NOT NULL
            AND NOT EXISTS (SELECT FROM ${target} p WHERE p.organization_id = c.organization_id AND p.id = c.${column})`,
      );
      return count;
    });
  }
}
