/**
 * What kind of failure it is, and so what the sender does with the message:
 * - `retry`: again, with growing pauses; `pair_retry`: the same, this recipient only.
 * - `later`: not before a day (or what `delay_seconds` says); for a single message that is final.
 * - `window`: only a template can go now.
 * - `final`: this message never goes.
 * - `number`: the number or its account cannot send; `campaign`: every message like this one fails alike: stop it.
 * - `admin`: answers of registration and template management, never of a send.
 * - `unknown`: the request left and no answer came; it may have been delivered, so it is never sent again.
 */
export type FailureClass = 'retry' | 'pair_retry' | 'later' | 'window' | 'final' | 'number' | 'campaign' | 'admin' | 'unknown';

/** What the failure means beyond the message (contract 20, 4.5). */
export type FailureEffect =
  | 'close_window'
  | 'opt_out'
  | 'pause_number_1h'
  | 'number_error'
  | 'number_disconnected'
  | 'template_missing'
  | 'template_paused'
  | 'template_disabled';

export interface FailureDecision {
  class: FailureClass;
  /** Ours where the contract names one, else the provider's code as text. */
  error_code: string;
  error_message: string;
  provider_code: number | null;
  effect: FailureEffect | null;
  scope: 'pair' | 'number' | 'waba' | null;
  /** Tries in all, the first included; 1: no retry. */
  attempts: number;
  /** Pauses grow as `backoff_base` to the power of the try. */
  backoff_base: number;
  delay_seconds: number;
}

/** A call to a provider that did not succeed, and what to do about it. Its text never holds a key. */
export class ProviderFailure extends Error {
  constructor(readonly decision: FailureDecision) {
    super(decision.error_message);
    this.name = new.target.name;
  }
}

/** A message that cannot be put into the provider's words; sending it again would fail again. */
export class UnsendableMessage extends ProviderFailure {
  constructor(error_code: 'no_recipient' | 'message_incomplete' | 'message_type_not_sendable', message: string) {
    super(final(error_code, message));
  }
}

/** A failure of this message alone, for good. */
export const final = (error_code: string, error_message: string): FailureDecision => ({
  class: 'final',
  error_code,
  error_message,
  provider_code: null,
  effect: null,
  scope: null,
  attempts: 1,
  backoff_base: 2,
  delay_seconds: 0,
});

/**
 * Seconds until the next try after try number `attempt` (1-based) failed; null: there is none. Jitter only adds, so that
 * nobody comes before the time the provider asked for, and many do not come at once.
 */
export function retryDelaySeconds(decision: FailureDecision, attempt: number, random: () => number = Math.random): number | null {
  if (attempt >= decision.attempts) return null;
  const growing = decision.backoff_base === 4 ? 4 ** (attempt - 1) : 2 ** attempt;
  const wait = decision.class === 'later' ? decision.delay_seconds : Math.max(growing, decision.delay_seconds);
  return wait * (1 + random() * (decision.class === 'pair_retry' ? 0.05 : 0.25));
}
