import { Injectable } from '@nestjs/common';
import { EgressClient } from '#common/egress';
import { AppError } from '#common/errors';
import { MASK, scrubText } from '#common/mask';
import { signatureOf } from './sign';
import type { Opened } from './webhook-secrets';

/** What is sent, and where. */
export interface Call {
  url: string;
  delivery_id: string;
  event_id: string;
  event: string;
  /** As it was written, byte by byte. */
  body: string;
  opened: Opened;
}

/** How a try went. */
export interface Outcome {
  at: Date;
  /** As the log shows them. */
  request_headers: Record<string, string>;
  /** null: nobody answered. */
  response_status: number | null;
  response_body: string | null;
  response_time_ms: number;
  /** null: it was taken. */
  error: string | null;
  /** What the receiver asked for; null: nothing. */
  retry_after_seconds: number | null;
}

/** Contract 20, 9. */
const TIMEOUT_MS = 15_000;
const READ_BYTES = 64 * 1024;
const SHOWN_CHARACTERS = 2048;
const RETRY_AFTER_MAX_SECONDS = 3600;
const HIDDEN_MIN = 6;

/** One try to tell a webhook, signed as Standard Webhooks 1.0.0 has it. */
@Injectable()
export class CallWebhook {
  constructor(private readonly egress: EgressClient) {}

  async call({ url, delivery_id, event_id, event, body, opened }: Call): Promise<Outcome> {
    const at = new Date();
    const timestamp = Math.floor(at.getTime() / 1000);
    const headers = {
      ...opened.headers,
      'Content-Type': 'application/json',
      'user-agent': 'PyTake-Webhooks/1.0',
      'webhook-id': event_id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf(opened.secrets, event_id, timestamp, body),
      'X-PyTake-Event': event,
      'X-PyTake-Delivery-Id': delivery_id,
    };
    const secret = new Set(['webhook-signature', ...Object.keys(opened.headers)]);
    const request_headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, secret.has(name) ? MASK : value]));
    const began = performance.now();
    const outcome = await this.answerOf(url, headers, body, saidOf(headers, secret));
    return { at, request_headers, response_time_ms: Math.round(performance.now() - began), ...outcome };
  }

  private async answerOf(
    url: string,
    headers: Record<string, string>,
    body: string,
    hidden: readonly string[],
  ): Promise<Pick<Outcome, 'response_status' | 'response_body' | 'error' | 'retry_after_seconds'>> {
    try {
      const answer = await this.egress.fetch(url, { method: 'POST', headers, body, timeout_ms: TIMEOUT_MS, max_bytes: READ_BYTES });
      const { status } = answer;
      return {
        response_status: status,
        response_body: textOf(answer.body, hidden),
        error: status >= 200 && status < 300 ? null : refusalOf(status),
        retry_after_seconds: secondsOf(answer.headers['retry-after']),
      };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return {
        response_status: null,
        response_body: null,
        error: `${error.error_code}: ${scrubText(error.message)}`.slice(0, 500),
        retry_after_seconds: null,
      };
    }
  }
}

const refusalOf = (status: number): string =>
  status >= 300 && status < 400 ? `It answered ${status}: redirects are not followed.` : `It answered ${status}.`;

/** What headers say that nobody may read, whole and without their scheme. Shorter ones stand in many an answer by chance. */
function saidOf(headers: Record<string, string>, secret: ReadonlySet<string>): string[] {
  const values = Object.entries(headers).flatMap(([name, value]) => (secret.has(name) ? [value, value.replace(/^\S+\s+/, '')] : []));
  return values.filter(({ length }) => length >= HIDDEN_MIN);
}

/** What PostgreSQL keeps of it: no NUL, no half of a character. Some receivers answer what they were sent, with our secrets in it. */
const textOf = (body: Buffer, hidden: readonly string[]): string =>
  hidden
    .reduce((text, value) => text.replaceAll(value, MASK), new TextDecoder().decode(body))
    .replace(/\0/g, '')
    .slice(0, SHOWN_CHARACTERS)
    .toWellFormed()
    .replace(/\uFFFD+$/, '');

/** RFC 9110: seconds, or a date. Nobody waits longer than an hour for it. */
function secondsOf(header: string | undefined): number | null {
  if (!header) return null;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.ceil(seconds), RETRY_AFTER_MAX_SECONDS) : null;
}
