import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { RateStore } from '#access/throttle';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { Jobs } from '#jobs/jobs';
import { JobsModule } from '#jobs/jobs.module';
import { SweepRetention } from '#jobs/sweep-retention';
import { SweepSealed } from '#jobs/sweep-sealed';
import { HealthRegistry } from '#observability/health';
import { Metrics, type MetricsOf, declareMetrics } from '#observability/metrics';
import { RealtimeHub } from '#realtime/realtime.hub';
import { Orphans } from './orphans';

export const STORE_METRICS = declareMetrics({
  bull_jobs: { kind: 'gauge', help: 'Jobs by queue and state', labels: ['queue', 'state'] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof STORE_METRICS> {}
}

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
  }
}

/** What becomes of what the stores hold, and how they are. */
@Module({ imports: [JobsModule.register('sweeper')], providers: [Stores, SweepRetention, SweepSealed, Orphans] })
export class StoresModule {}
