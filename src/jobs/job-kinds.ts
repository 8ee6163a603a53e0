/** How one queue works through its jobs. */
export interface JobKind {
  /** Runs before a job becomes a dead letter, the first one included. */
  attempts: number;
  /** Wait before attempt n+1: base · 2^(n-1), times 1 to 2 at random so that neighbours do not come back together, at most `max_seconds`. */
  backoff: { base_seconds: number; max_seconds: number };
  /** Jobs at a time in one process. */
  concurrency: number;
  /** A run longer than this counts as failed; its `signal` is aborted. */
  timeout_seconds: number;
}

/** Every queue and its policy. A job that used up its attempts is counted and kept as a dead letter (see DEAD_LETTERS) for a person to look at. */
export const JOB_KINDS = {
  /** Tells WhatsApp what the team has read. A receipt that is lost is only a grey tick. */
  'whatsapp-receipts': { attempts: 5, backoff: { base_seconds: 1, max_seconds: 30 }, concurrency: 10, timeout_seconds: 30 },
  /** Asks a provider how a number is. The next round asks again, so two attempts do. */
  'number-health': { attempts: 2, backoff: { base_seconds: 10, max_seconds: 60 }, concurrency: 2, timeout_seconds: 30 },
  /** Reads templates from a provider. The next hour reads them again, so two attempts do; an account of thousands takes minutes. */
  'templates-sync': { attempts: 2, backoff: { base_seconds: 60, max_seconds: 300 }, concurrency: 2, timeout_seconds: 300 },
  /** Repeating sweeps over rows someone left lying. The next round is the retry; a dead letter here says that a sweep is broken. */
  sweeper: { attempts: 1, backoff: { base_seconds: 1, max_seconds: 1 }, concurrency: 4, timeout_seconds: 300 },
} as const satisfies Record<string, JobKind>;

export type QueueName = keyof typeof JOB_KINDS;

/** How long dead letters stay: a month is long enough for anyone to look, the count keeps Redis's memory bounded under a broken handler. */
export const DEAD_LETTERS = { keep_seconds: 30 * 86_400, keep_in_redis: 10_000 };

/** Seconds before the attempt after `attempt` (1-based). The same formula as pg-boss's, so that both drivers pace alike. */
export function backoffSeconds({ base_seconds, max_seconds }: JobKind['backoff'], attempt: number, random = Math.random()): number {
  return Math.min(max_seconds, base_seconds * 2 ** Math.min(16, attempt - 1) * (1 + random));
}
