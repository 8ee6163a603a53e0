import { type MetricsOf, declareMetrics } from '#observability/metrics';

export const WEBHOOK_METRICS = declareMetrics({
  webhook_attempts_total: {
    kind: 'counter',
    help: 'Tries to deliver to a webhook: success, retried later, or failed for good',
    labels: ['result'],
  },
  webhook_deliveries_waiting: { kind: 'gauge', help: 'Deliveries to webhooks that have not ended', labels: [] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof WEBHOOK_METRICS> {}
}
