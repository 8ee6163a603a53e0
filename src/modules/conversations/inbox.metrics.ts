import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database } from '#database/database';
import { Metrics, type MetricsOf, declareMetrics } from '#observability/metrics';

export const INBOX_METRICS = declareMetrics({
  whatsapp_messages_total: { kind: 'counter', help: 'WhatsApp messages by direction and status', labels: ['direction', 'status'] },
  messages_processed_total: { kind: 'counter', help: 'Incoming messages filed into the inbox', labels: [] },
  inbound_events_ignored_total: { kind: 'counter', help: "Providers' events kept but not acted on", labels: ['reason'] },
  inbound_backlog: { kind: 'gauge', help: 'Stored inbound events not yet processed', labels: [] },
  active_conversations_total: { kind: 'gauge', help: 'Conversations that are open or pending', labels: [] },
  queue_waiting_total: { kind: 'gauge', help: 'Conversations waiting for an agent', labels: [] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof INBOX_METRICS> {}
}

/** The gauges of the inbox. */
@Injectable()
export class InboxGauges implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge('active_conversations_total').collectFrom(() => this.count("status IN ('open', 'pending')"));
    this.metrics
      .gauge('queue_waiting_total')
      .collectFrom(() =>
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
