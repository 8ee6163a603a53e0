import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { within } from '#common/time';

interface DeclaredMetric {
  kind: 'counter' | 'gauge';
  help: string;
  /** Never a tenant, a user, a phone or an id. */
  labels: readonly string[];
}

const DECLARED = new Map<string, DeclaredMetric>();

/**
 * A room's counters and gauges, in its `*.metrics.ts`. Beside it the room adds them to `DeclaredMetrics` by declaration merging:
 * `interface DeclaredMetrics extends MetricsOf<typeof INBOX_METRICS> {}`.
 */
export function declareMetrics<const T extends Record<string, DeclaredMetric>>(metrics: T): T {
  for (const [name, metric] of Object.entries<DeclaredMetric>(metrics)) {
    if (DECLARED.has(name)) throw new Error(`The metric ${name} is declared twice`);
    DECLARED.set(name, metric);
  }
  return metrics;
}

export type MetricsOf<T> = { [K in keyof T]: T[K] };

export const OWN_METRICS = declareMetrics({
  http_requests_total: { kind: 'counter', help: 'Requests answered, by route template', labels: ['method', 'route', 'status'] },
  errors_total: { kind: 'counter', help: 'Errors answered, by type', labels: ['type'] },
  // Contract 10 §12 names it before there is a room that asks an AI.
  ai_requests_total: { kind: 'counter', help: 'Requests to AI providers', labels: ['provider', 'status'] },
});

/** Counters and gauges by name; each room adds its own. */
export interface DeclaredMetrics extends MetricsOf<typeof OWN_METRICS> {}

const HISTOGRAMS = {
  http_request_duration_seconds: {
    help: 'Time to answer',
    labels: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
} as const;

/** Of the process: statements are run by functions that know no app. */
export const queryTimes = new Histogram({
  name: 'db_query_duration_seconds',
  help: 'Time of one SQL statement',
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
  registers: [],
});

type Labels<T extends { labels: readonly string[] }> = T['labels'][number];
type NamesOf<K extends DeclaredMetric['kind']> = {
  [N in keyof DeclaredMetrics]: DeclaredMetrics[N]['kind'] extends K ? N : never;
}[keyof DeclaredMetrics];

/** One value, or one per combination of labels. */
export type Reading = number | { labels: Record<string, string>; value: number }[];

type Read = () => Promise<Reading> | Reading;

const COLLECT_TIMEOUT_MS = 2000;

/** Prometheus metrics of this process. Counters cost a map look-up; hold on to `counter(…).labels(…)` on a hot path. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly collectors = new Map<string, Read>();

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    for (const [name, { kind, help, labels }] of DECLARED) {
      const shape = { name, help, labelNames: labels, registers };
      if (kind === 'counter') this.counters.set(name, new Counter(shape));
      else this.gauges.set(name, new Gauge(shape));
    }
    this.registry.registerMetric(queryTimes);
    for (const [name, { help, labels, buckets }] of Object.entries(HISTOGRAMS))
      this.histograms.set(name, new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers }));
  }

  counter<N extends NamesOf<'counter'>>(name: N): Counter<Labels<DeclaredMetrics[N]>> {
    return this.counters.get(name) as Counter<Labels<DeclaredMetrics[N]>>;
  }

  histogram<N extends keyof typeof HISTOGRAMS>(name: N): Histogram<Labels<(typeof HISTOGRAMS)[N]>> {
    return this.histograms.get(name) as Histogram<Labels<(typeof HISTOGRAMS)[N]>>;
  }

  /** Set it as things happen, or let `collectFrom` ask its owner at each scrape. */
  gauge<N extends NamesOf<'gauge'>>(name: N): Gauge<Labels<DeclaredMetrics[N]>> & { collectFrom(read: Read): void } {
    const gauge = this.gauges.get(name) as Gauge<Labels<DeclaredMetrics[N]>>;
    return Object.assign(gauge, { collectFrom: (read: Read) => void this.collectors.set(name, read) });
  }

  /** Prometheus text. A collector that fails or hangs leaves its gauge out of this scrape, never the scrape out. */
  async scrape(): Promise<string> {
    await Promise.all([...this.collectors].map(([name, read]) => this.collect(name, read)));
    return this.registry.metrics();
  }

  private async collect(name: string, read: Read): Promise<void> {
    const gauge = this.gauges.get(name);
    const reading = await within(COLLECT_TIMEOUT_MS, async () => read()).catch(() => []);
    if (!gauge) return;
    gauge.reset();
    if (typeof reading === 'number') gauge.set(reading);
    else {
      // A gauge without labels starts at 0; what could not be read is not 0.
      if (!reading.length && !DECLARED.get(name)?.labels.length) gauge.remove();
      for (const { labels, value } of reading) gauge.set(labels, value);
    }
  }
}
