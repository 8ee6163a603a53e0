import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { RateStore } from '#access/throttle';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { Jobs } from '#jobs/jobs';
import { JobsModule } from '#jobs/jobs.module';
import { HealthRegistry } from '#observability/health';
import { Metrics } from '#observability/metrics';
import { RealtimeHub } from '#realtime/realtime.hub';
import { Orphans } from './orphans';

/** Tells health and metrics how the stores of this process are. */
@Injectable()
class Stores implements OnModuleInit {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly jobs: Jobs,
    private readonly rates: RateStore,
    private readonly hub: RealtimeHub,
    private readonly health: HealthRegistry,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    const { source } = this.database;
    this.health.register('postgresql', () => source.query('SELECT 1'));
    this.health.register('migrations', async () => {
      if (await source.showMigrations()) throw new Error('migrations are pending');
    });
    this.health.register('queues', () => this.jobs.counts());
    if (this.config.redis_url)
      this.health.register('redis', async () => {
        await Promise.all([this.rates.check(), this.hub.check()]);
      });
    this.metrics
      .gauge('bull_jobs')
      .collectFrom(async () =>
        Object.entries(await this.jobs.counts()).flatMap(([queue, counts]) =>
          Object.entries(counts).map(([state, value]) => ({ labels: { queue, state }, value })),
        ),
      );
    this.metrics.gauge('active_conversations_total').collectFrom(async () => this.count("status IN ('open', 'pending')"));
    this.metrics
      .gauge('queue_waiting_total')
      .collectFrom(async () =>
        this.count("queue_id IS NOT NULL AND queued_at IS NOT NULL AND current_agent_id IS NULL AND status IN ('open', 'pending')"),
      );
  }

  /** Over all organizations: the operator's gauge. Bounded, so that a scrape stays cheap. */
  private async count(condition: string): Promise<number> {
    const [{ count }] = await this.database.rows<{ count: number }>(
      `SELECT count(*)::int AS count FROM (SELECT 1 FROM conversations WHERE ${condition} LIMIT 100000) counted`,
    );
    return count;
  }
}

@Module({ imports: [JobsModule.register('sweeper')], providers: [Stores, Orphans] })
export class StoresModule {}
