import { type MetricsOf, declareMetrics } from '#observability/metrics';

export const MAIL_METRICS = declareMetrics({
  mails_total: { kind: 'counter', help: 'Tries to send a mail: sent, retried later, or given up', labels: ['result'] },
  mails_waiting: { kind: 'gauge', help: 'Mails that wait to be sent', labels: [] },
});

declare module '#observability/metrics' {
  interface DeclaredMetrics extends MetricsOf<typeof MAIL_METRICS> {}
}
