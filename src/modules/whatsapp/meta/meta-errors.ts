import type { FailureClass, FailureDecision, FailureEffect } from '../provider-failure';
import { type Json, asNumber, asObject, asWords } from '../wire';

interface Rule {
  class: FailureClass;
  error_code?: string;
  effect?: FailureEffect;
  /** Who else must slow down while this is retried. */
  scope?: 'pair' | 'number' | 'waba';
  /** Shortest pause before the next try. */
  delay_seconds?: number;
  /** Tries in all. */
  attempts?: number;
}

export interface GraphFailure {
  http_status?: number | null;
  body?: unknown;
  /** The transport's error, when no answer came. */
  network_error?: unknown;
  /** Whether any byte of the request may have left; without an answer that decides between retry and `provider_timeout`. */
  request_written: boolean;
  /** Value of Retry-After. */
  retry_after?: string | null;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Contract 20, 4.5.6. */
const RETRY_ATTEMPTS = 5;

const number = (effect: FailureEffect | undefined = 'number_error'): Rule => ({ class: 'number', effect });
const admin: Rule = { class: 'admin' };

/** Contract 20, 4.5, completed from Meta's "Error codes" (fact sheet, section 5) where the contract is silent. */
const RULES: Readonly<Record<number, Rule>> = {
  0: number(),
  1: { class: 'retry' },
  2: { class: 'retry' },
  3: number(),
  4: { class: 'retry', scope: 'waba', delay_seconds: MINUTE },
  10: number(),
  33: number(),
  100: { class: 'final' },
  190: number(),
  368: number('pause_number_1h'),
  613: { class: 'retry', scope: 'waba', delay_seconds: MINUTE },
  80007: { class: 'retry', scope: 'waba', delay_seconds: MINUTE },
  130403: { class: 'final' },
  130429: { class: 'retry', scope: 'number' },
  130472: { class: 'final' },
  130497: { class: 'final' },
  131000: { class: 'retry' },
  131005: number(),
  131008: { class: 'final' },
  131009: { class: 'final' },
  131016: { class: 'retry' },
  131021: { class: 'final' },
  131026: { class: 'final', error_code: 'undeliverable' },
  131030: { class: 'final' },
  131031: number(),
  131037: number(),
  131042: number(),
  131045: number(),
  131047: { class: 'window', error_code: 'window_closed', effect: 'close_window' },
  131048: number('pause_number_1h'),
  // Retried within a day, Meta locks the person for longer; contract 40, R20: postponed at most twice.
  131049: { class: 'later', delay_seconds: DAY, attempts: 3 },
  131050: { class: 'final', effect: 'opt_out' },
  131051: { class: 'final' },
  131052: { class: 'final', error_code: 'media_error' },
  131053: { class: 'final', error_code: 'media_error' },
  131055: { class: 'final' },
  131056: { class: 'pair_retry', scope: 'pair' },
  131057: { class: 'retry', scope: 'number', delay_seconds: MINUTE },
  // The same message can go by phone, if one becomes known.
  131062: { class: 'final', error_code: 'phone_required' },
  131063: { class: 'campaign' },
  131064: { class: 'campaign' },
  132000: { class: 'campaign', error_code: 'template_parameter_error' },
  132001: { class: 'campaign', effect: 'template_missing' },
  132005: { class: 'final', error_code: 'template_parameter_error' },
  132007: { class: 'campaign', error_code: 'template_parameter_error' },
  132008: { class: 'final', error_code: 'template_parameter_error' },
  132012: { class: 'campaign', error_code: 'template_parameter_error' },
  132015: { class: 'campaign', effect: 'template_paused' },
  132016: { class: 'campaign', effect: 'template_disabled' },
  132018: { class: 'campaign', error_code: 'template_parameter_error' },
  132068: { class: 'campaign' },
  132069: { class: 'later', delay_seconds: HOUR, attempts: 3 },
  133000: admin,
  133004: { class: 'retry' },
  133005: admin,
  133006: admin,
  133008: admin,
  133009: admin,
  133010: number(),
  133015: admin,
  133016: admin,
  134011: admin,
  134100: { class: 'final' },
  134101: { class: 'later', delay_seconds: 10 * MINUTE, attempts: 3 },
  134102: { class: 'campaign' },
  135000: { class: 'final' },
  137000: { class: 'final' },
  139100: admin,
  139101: admin,
  139102: admin,
  139103: admin,
  147001: admin,
  147002: admin,
  147003: admin,
  147004: admin,
  147005: admin,
  2388019: admin,
  2388024: admin,
  2388039: admin,
  2388040: admin,
  2388047: admin,
  2388072: admin,
  2388073: admin,
  2388293: admin,
  2388299: admin,
  2494100: { class: 'retry', scope: 'number', delay_seconds: MINUTE },
};

/** The rule of a Meta code, from an HTTP answer or from a failed status alike; null: Meta added it since. */
function ruleOf(code: number | null): Rule | null {
  if (code === null) return null;
  if (code >= 200 && code <= 299) return number();
  return Object.hasOwn(RULES, code) ? (RULES[code] ?? null) : null;
}

/** The error of a `failed` status: the same table. Meta's word there is the end of the message, so nothing is retried. */
export function classifyStatusError(error: {
  code: number | null;
  title?: string | null;
  message?: string | null;
  details?: string | null;
}): FailureDecision {
  const message = error.details ?? error.message ?? error.title ?? 'Meta gave no reason.';
  const decision = decide(ruleOf(error.code) ?? { class: 'final' }, error.code, message, 'provider_error');
  return decision.class === 'retry' || decision.class === 'pair_retry' ? { ...decision, attempts: 1 } : decision;
}

/** What to do about a Graph call that did not succeed. Branches on Meta's code; only without a known one on the HTTP status. */
export function classifyGraphFailure(failure: GraphFailure): FailureDecision {
  const { http_status, body, request_written } = failure;
  if (http_status === null || http_status === undefined) {
    const reason = networkReason(failure.network_error);
    return request_written
      ? decide({ class: 'unknown' }, null, `No answer from the provider: ${reason}.`, 'provider_timeout')
      : decide({ class: 'retry' }, null, `The provider could not be reached: ${reason}.`, 'connection_failed');
  }
  // Accepted, but the answer says nothing we can keep: as unknown as no answer.
  if (http_status >= 200 && http_status < 300)
    return decide({ class: 'unknown' }, null, 'The provider answered without a message id.', 'provider_timeout');

  const error = asObject(asObject(body)?.error);
  const code = asNumber(error?.code);
  const message = errorText(error) ?? `The provider answered ${http_status}.`;
  const rule = ruleOf(code) ?? ruleOfHttp(http_status);
  const decision = decide(rule, code, message, `http_${http_status}`);
  const wait = retryAfterSeconds(failure.retry_after);
  if (wait !== null && decision.attempts > 1) decision.delay_seconds = Math.max(decision.delay_seconds, wait);
  return decision;
}

function ruleOfHttp(http_status: number): Rule {
  if (http_status === 429) return { class: 'retry', scope: 'number' };
  if (http_status >= 500) return http_status === 503 ? { class: 'retry', scope: 'number' } : { class: 'retry' };
  return http_status === 401 ? number() : { class: 'final' };
}

function decide(rule: Rule, code: number | null, message: string, fallback_code: string): FailureDecision {
  const pair = rule.class === 'pair_retry';
  return {
    class: rule.class,
    error_code: rule.error_code ?? (code === null ? fallback_code : String(code)),
    error_message: message,
    provider_code: code,
    effect: rule.effect ?? null,
    scope: rule.scope ?? null,
    // Contract 40, R18: after 1, 4, 16, 64 and 256 seconds.
    attempts: rule.attempts ?? (pair ? 6 : rule.class === 'retry' ? RETRY_ATTEMPTS : 1),
    backoff_base: pair ? 4 : 2,
    delay_seconds: rule.delay_seconds ?? 0,
  };
}

/** Retry-After in seconds: a number, or a date. A day at most: a wrong clock may name any date. */
export function retryAfterSeconds(header: string | null | undefined, now = Date.now()): number | null {
  if (!header) return null;
  const seconds = /^\d{1,9}$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1_000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), DAY) : null;
}

function errorText(error: Json | null): string | null {
  if (error === null) return null;
  return asWords(asObject(error.error_data)?.details, 2_048) ?? asWords(error.error_user_msg, 2_048) ?? asWords(error.message, 2_048);
}

function networkReason(error: unknown): string {
  const code = asWords(asObject(error)?.code, 64) ?? asWords(asObject(asObject(error)?.cause)?.code, 64);
  return code ?? (error instanceof Error ? error.name : 'network error');
}
