import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { within } from '#common/time';

/** The names of contract 10 §12; labels never name a tenant, a user, a phone or an id. */
const COUNTERS = {
  http_requests_total: { help: 'Requests answered, by route template', labels: ['method', 'route', 'status'] },
  whatsapp_messages_total: { help: 'WhatsApp messages by direction and status', labels: ['direction', 'status'] },
  messages_processed_total: { help: 'Incoming messages filed into the inbox', labels: [] },
  inbound_events_ignored_total: { help: "Providers' events kept but not acted on", labels: ['reason'] },
  ai_requests_total: { help: 'Requests to AI providers', labels: ['provider', 'status'] },
  errors_total: { help: 'Errors answered, by type', labels: ['type'] },
} as const;

const GAUGES = {
  websocket_connections_active: { help: 'Open sockets of this process', labels: [] },
  active_conversations_total: { help: 'Conversations that are open or pending', labels: [] },
  queue_waiting_total: { help: 'Conversations waiting for an agent', labels: [] },
  bull_jobs: { help: 'Jobs by queue and state', labels: ['queue', 'state'] },
  orphan_references: { help: 'Rows that name a row which is not there, counted nightly', labels: ['table', 'column'] },
  inbound_backlog: { help: 'Stored inbound events not yet processed', labels: [] },
} as const;

const HISTOGRAMS = {
  http_request_duration_seconds: {
    help: 'Time to answer',
    labels: ['method', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  db_query_duration_seconds: {
    help: 'Time of one SQL statement',
    labels: [],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15],
  },
} as const;

type Labels<T extends { labels: readonly string[] }> = T['labels'][number];
type GaugeName = keyof typeof GAUGES;

/** One value, or one per combination of labels. */
export type Reading = number | { labels: Record<string, string>; value: number }[];

type Read = () => Promise<Reading> | Reading;

const COLLECT_TIMEOUT_MS = 2000;

/** Prometheus metrics of this process. Counters cost a map look-up; hold on to `counter(…).labels(…)` on a hot path. */
@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<GaugeName, Gauge>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly collectors = new Map<GaugeName, Read>();

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    for (const [name, { help, labels }] of Object.entries(COUNTERS))
      this.counters.set(name, new Counter({ name, help, labelNames: labels, registers }));
    for (const [name, { help, labels }] of Object.entries(GAUGES))
      this.gauges.set(name as GaugeName, new Gauge({ name, help, labelNames: labels, registers }));
    for (const [name, { help, labels, buckets }] of Object.entries(HISTOGRAMS))
      this.histograms.set(name, new Histogram({ name, help, labelNames: labels, buckets: [...buckets], registers }));
  }

  counter<N extends keyof typeof COUNTERS>(name: N): Counter<Labels<(typeof COUNTERS)[N]>> {
    return this.counters.get(name) as Counter<Labels<(typeof COUNTERS)[N]>>;
  }

  histogram<N extends keyof typeof HISTOGRAMS>(name: N): Histogram<Labels<(typeof HISTOGRAMS)[N]>> {
    return this.histograms.get(name) as Histogram<Labels<(typeof HISTOGRAMS)[N]>>;
  }

  /** Set it as things happen, or let `collectFrom` ask its owner at each scrape. */
  gauge<N extends GaugeName>(name: N): Gauge<Labels<(typeof GAUGES)[N]>> & { collectFrom(read: Read): void } {
    const gauge = this.gauges.get(name) as Gauge<Labels<(typeof GAUGES)[N]>>;
    return Object.assign(gauge, { collectFrom: (read: Read) => void this.collectors.set(name, read) });
  }

  /** Prometheus text. A collector that fails or hangs leaves its gauge out of this scrape, never the scrape out. */
  async scrape(): Promise<string> {
    await Promise.all([...this.collectors].map(([name, read]) => this.collect(name, read)));
    return this.registry.metrics();
  }

  private async collect(name: GaugeName, read: Read): Promise<void> {
    const gauge = this.gauges.get(name);
    const reading = await within(COLLECT_TIMEOUT_MS, async () => read()).catch(() => []);
    if (!gauge) return;
    gauge.reset();
    if (typeof reading === 'number') gauge.set(reading);
    else {
      // A gauge without labels starts at 0; what could not be read is not 0.
      if (!reading.length && !GAUGES[name].labels.length) gauge.remove();
      for (const { labels, value } of reading) gauge.set(labels, value);
    }
  }
}
