import { MessageStatus } from './message.entity';

/** Our own failure when the provider never answered; any word of the provider overrules it. */
export const PROVIDER_TIMEOUT = 'provider_timeout';

/** What is known of an outgoing message's delivery. */
export interface Progress {
  status: MessageStatus;
  sent_at: Date | null;
  delivered_at: Date | null;
  read_at: Date | null;
  played_at: Date | null;
  failed_at: Date | null;
  error_code: string | null;
  error_message: string | null;
}

export interface ProgressReport {
  status: 'sent' | 'delivered' | 'read' | 'played' | 'failed';
  timestamp: Date;
  error_code?: string | null;
  error_message?: string | null;
}

const earlier = (known: Date | null, told: Date): Date => (known && known <= told ? known : told);

/**
 * The progress after one more report. Webhooks come in any order, twice, or late, so the status is a function of everything told so far
 * (each report's own time), never of the order of arrival: pending < sent < delivered < read; a failure counts unless the message had been
 * delivered by then, and what is told for a time after a failure does not undo it. A jump fills the earlier times.
 */
export function advance(known: Progress, report: ProgressReport): Progress {
  const next = { ...known };
  // We had given up waiting; now the provider speaks.
  if (known.error_code === PROVIDER_TIMEOUT) Object.assign(next, { failed_at: null, error_code: null, error_message: null });
  const { timestamp } = report;
  if (report.status === 'failed') {
    // The first failure is the one that ended it; a later one only says so again.
    if (!next.failed_at || timestamp <= next.failed_at) {
      next.error_code = report.error_code ?? next.error_code;
      next.error_message = report.error_message ?? next.error_message;
    }
    next.failed_at = earlier(next.failed_at, timestamp);
  } else {
    next.sent_at = earlier(next.sent_at, timestamp);
    if (report.status !== 'sent') next.delivered_at = earlier(next.delivered_at, timestamp);
    if (report.status === 'read' || report.status === 'played') next.read_at = earlier(next.read_at, timestamp);
    if (report.status === 'played') next.played_at = earlier(next.played_at, timestamp);
  }
  next.status = statusOf(next);
  // A failure that did not count is in the history, not on the message.
  if (next.status !== MessageStatus.failed) next.error_code = next.error_message = null;
  return next;
}

function statusOf({ sent_at, delivered_at, read_at, failed_at }: Progress): MessageStatus {
  if (failed_at && !(delivered_at && delivered_at <= failed_at)) return MessageStatus.failed;
  if (read_at) return MessageStatus.read;
  if (delivered_at) return MessageStatus.delivered;
  return sent_at ? MessageStatus.sent : MessageStatus.pending;
}
