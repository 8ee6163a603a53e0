import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '#database/database';
import { Metrics, type MetricsOf, declareMetrics } from '#observability/metrics';
import { SET_ASIDE } from './fact.entity';

export const FACT_METRICS = declareMetrics({
  facts_set_aside: { kind: 'gauge', help: 'Facts a durable reader gave up, kept for a person to look at', labels: ['reader'] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof FACT_METRICS> {}
}

/** What readers gave up, over all organizations: the operator's. */
@Injectable()
export class FactGauges implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge('facts_set_aside').collectFrom(() => this.setAside());
  }

  /** Bounded, so that a scrape stays cheap. */
  private async setAside(): Promise<{ labels: { reader: string }; value: number }[]> {
    const counts = await this.database.rows<{ reader: string; count: number }>(
      `SELECT substr(reader, 6) AS reader, count(*)::int AS count FROM (SELECT reader FROM facts WHERE ${SET_ASIDE} LIMIT 100000) f GROUP BY 1`,
    );
    return counts.map(({ reader, count }) => ({ labels: { reader }, value: count }));
  }
}
