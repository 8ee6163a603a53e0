import { type FailureDecision, final } from '../provider-failure';
import { type Json, asList, asObject, asWords, isObject } from '../wire';

/** What became of a call that did not succeed. */
export interface EvolutionFailure {
  /** null: no answer came. */
  http_status: number | null;
  body?: Json | null;
  /** Why none came. */
  reason?: string;
  /** Whether any byte of the request may have left; without an answer that decides between retry and `provider_timeout`. */
  request_written: boolean;
}

/** Contract 20, 4.5.6. */
const RETRY_ATTEMPTS = 5;

/** Contract 20, 8.1: 4xx is final, 401 the number's error, 404 a missing instance, 5xx and the network are retried. */
export function classifyEvolutionFailure({ http_status, body = null, reason, request_written }: EvolutionFailure): FailureDecision {
  if (http_status === null)
    return request_written
      ? { ...final('provider_timeout', `No answer from the provider: ${reason ?? 'network error'}.`), class: 'unknown' }
      : retry('connection_failed', `The provider could not be reached: ${reason ?? 'network error'}.`);
  if (http_status >= 200 && http_status < 300 && body?.error !== true)
    return { ...final('provider_timeout', 'The provider answered without a message id.'), class: 'unknown' };

  const message = errorText(body) ?? `The provider answered ${http_status}.`;
  if (isNobody(body)) return final('undeliverable', 'This phone has no WhatsApp.');
  if (http_status === 401 || http_status === 403) return { ...final('401', message), class: 'number', effect: 'number_error' };
  if (http_status === 404)
    return { ...final('number_not_connected', 'The instance of the number is gone.'), class: 'number', effect: 'number_disconnected' };
  if (http_status === 429) return { ...retry('http_429', message), scope: 'number' };
  if (http_status >= 500) return retry(`http_${http_status}`, message);
  return final(`http_${http_status}`, message);
}

const retry = (error_code: string, message: string): FailureDecision => ({
  ...final(error_code, message),
  class: 'retry',
  attempts: RETRY_ATTEMPTS,
});

/** `response.message: [{exists: false, jid, number}]`, or that object alone. */
const isNobody = (body: Json | null): boolean =>
  [asObject(body?.response)?.message]
    .flat()
    .filter(isObject)
    .some(({ exists }) => exists === false);

/** `{status, error, response: {message}}`, where the message is a text or a list of them, and sometimes of lists. */
function errorText(body: Json | null): string | null {
  const told = asObject(body?.response)?.message ?? body?.message;
  const words = asList(told)
    .flat()
    .flatMap((word) => asWords(word) ?? []);
  return asWords(words.join('; ') || told, 1_000) ?? asWords(body?.error);
}
