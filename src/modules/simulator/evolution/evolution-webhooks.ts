import { createHmac } from 'node:crypto';
import { Deliveries, type Delivery } from '../deliveries';
import type { Instance } from './instances';

/** The names an instance subscribes by; the envelope says them in lower case with dots. */
export const EVENT_NAMES = [
  'APPLICATION_STARTUP',
  'QRCODE_UPDATED',
  'MESSAGES_SET',
  'MESSAGES_UPSERT',
  'MESSAGES_EDITED',
  'MESSAGES_UPDATE',
  'MESSAGES_DELETE',
  'SEND_MESSAGE',
  'SEND_MESSAGE_UPDATE',
  'CONTACTS_SET',
  'CONTACTS_UPSERT',
  'CONTACTS_UPDATE',
  'PRESENCE_UPDATE',
  'CHATS_SET',
  'CHATS_UPSERT',
  'CHATS_UPDATE',
  'CHATS_DELETE',
  'GROUPS_UPSERT',
  'GROUP_UPDATE',
  'GROUP_PARTICIPANTS_UPDATE',
  'CONNECTION_UPDATE',
  'LABELS_EDIT',
  'LABELS_ASSOCIATION',
  'CALL',
  'TYPEBOT_START',
  'TYPEBOT_CHANGE_STATUS',
  'REMOVE_INSTANCE',
  'LOGOUT_INSTANCE',
  'INSTANCE_CREATE',
  'INSTANCE_DELETE',
  'STATUS_INSTANCE',
] as const;

/** What goes wrong with all webhooks of all instances. */
export interface WebhookWeather {
  /** How much later each goes out. */
  late_ms: number;
  /** Each goes out twice. */
  doubled: boolean;
  /** Each waits a random while up to this before it goes out, so that they overtake each other. */
  shuffled_ms: number;
}

/** Evolution, WEBHOOK_RETRY_NON_RETRYABLE_STATUS_CODES. */
const FINAL = [400, 401, 403, 404, 422];
/** The server's clock stands in São Paulo; it writes local time and calls it UTC. */
const CLOCK_OFF_BY_MS = -3 * 3_600_000;

/** Posts what happens to an instance to its webhook: unsigned, in an envelope of its own, until 2xx or a refusal for good. */
export class EvolutionWebhooks extends Deliveries {
  /** Evolution tries ten times, after 5 s, doubling up to 300 s; the simulator has less patience. */
  retry_delays_ms: readonly number[] = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
  weather: WebhookWeather = { late_ms: 0, doubled: false, shuffled_ms: 0 };

  /** `placeOf`: where a registered URL really is; null: nowhere one may post to. */
  constructor(private readonly placeOf: (url: string) => string | null) {
    super();
  }

  /** `event` in lower case with dots. Resolves when it was taken or given up; nobody subscribed to it: at once, with no attempt. */
  async tell(instance: Instance, event: string, data: unknown, how: { tried?: () => void; late_ms?: number } = {}): Promise<Delivery> {
    const { webhook } = instance;
    const name = event.replace(/[.-]/g, '_').toUpperCase();
    const place = webhook && this.placeOf(webhook.url);
    if (this.closed || !webhook?.enabled || !webhook.events.includes(name) || place === null) {
      how.tried?.();
      return { status_code: 0, attempts: 0 };
    }
    const { jwt_key, ...headers } = webhook.headers;
    const envelope = {
      event,
      instance: instance.name,
      data,
      destination: webhook.url,
      date_time: new Date(Date.now() + CLOCK_OFF_BY_MS).toISOString(),
      sender: instance.wuid ?? undefined,
      server_url: instance.server_url,
      apikey: instance.token,
    };
    const post = {
      url: webhook.byEvents ? `${place}/${name.replaceAll('_', '-').toLowerCase()}` : place,
      body: Buffer.from(JSON.stringify(envelope)),
      headers: { 'user-agent': 'axios/1.7.9', ...headers, ...(jwt_key === undefined ? {} : { authorization: `Bearer ${jwtOf(jwt_key)}` }) },
    };
    const { late_ms, shuffled_ms, doubled } = this.weather;
    const deliver = (tried?: () => void): Promise<Delivery> =>
      this.deliver(post, tried, (how.late_ms ?? 0) + late_ms + Math.random() * shuffled_ms);
    const [delivery] = await Promise.all([deliver(how.tried), ...(doubled ? [deliver()] : [])]);
    how.tried?.();
    return delivery;
  }

  protected isTaken(status_code: number): boolean {
    return status_code >= 200 && status_code < 300;
  }

  protected isFinal(status_code: number): boolean {
    return FINAL.includes(status_code);
  }
}

/** Evolution: a header `jwt_key` is not sent but signs a token, HS256, good for ten minutes. */
function jwtOf(key: string): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now, exp: now + 600, app: 'evolution', action: 'webhook' })}`;
  return `${unsigned}.${createHmac('sha256', key).update(unsigned).digest('base64url')}`;
}
