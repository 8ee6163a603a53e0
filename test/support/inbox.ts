import request from 'supertest';
import { EventBus, type Events } from '#common/events';
import { newId } from '#common/uuid';
import { InboundWorker } from '#modules/conversations/filing/inbound.worker';
import { Desk, type Row } from './desk';
import { type From, type MetaPayload, metaJson, signMeta, wamid } from './meta-payloads';
import { type OfficialNumber, digits, officialNumber } from './official-number';
import { type Company, type World, world } from './world';

export type { Row };

/** No Graph API answers there: what the inbox does with webhooks needs none. */
const NO_META = 'http://127.0.0.1:9';

/** Posts raw bytes to Meta's door, signed with `secret` unless a signature is given. */
export function postWebhook(
  w: World,
  payload: unknown,
  {
    secret = w.env.META_APP_SECRET,
    signature,
    raw = metaJson(payload),
  }: { secret?: string; signature?: string | null; raw?: string | Buffer } = {},
): request.Test {
  const call = request(w.base_url).post('/api/v1/whatsapp/webhook').set('Content-Type', 'application/json');
  const header = signature === undefined ? signMeta(raw, secret) : signature;
  if (header !== null) call.set('X-Hub-Signature-256', header);
  // Text goes out byte for byte; a Buffer would be serialized.
  return call.send(raw.toString());
}

/** An organization's number and what comes in on it. */
export class Inbox extends Desk {
  constructor(
    w: World,
    company: Company,
    readonly number: OfficialNumber,
  ) {
    super(w, company);
  }

  /** Where builders address their payload. */
  get to(): { waba_id: string; phone_number_id: string; display_phone_number: string } {
    const { waba_id, phone_number_id, phone_number } = this.number;
    return { waba_id, phone_number_id, display_phone_number: phone_number.slice(1) };
  }

  /** Somebody new who writes to this number. */
  person(values: Partial<From> = {}): From & { from: string; user_id: string; name: string } {
    return {
      ...this.to,
      from: `55119${digits(8).replace(/^./, '8')}`,
      user_id: `BR.${digits(16)}`,
      name: 'Ana Souza',
      ...values,
    } as From & {
      from: string;
      user_id: string;
      name: string;
    };
  }

  post(payload: unknown, options: Parameters<typeof postWebhook>[2] = {}): request.Test {
    return postWebhook(this.w, payload, { secret: this.number.app_secret ?? undefined, ...options });
  }

  /** Webhooks one after the other, and what they mean, done. */
  async receive(...payloads: MetaPayload[]): Promise<void> {
    for (const payload of payloads) await this.post(payload).expect(200);
    await this.idle();
  }

  idle(): Promise<void> {
    return this.w.app.get(InboundWorker).idle();
  }

  /** A message of ours on its way to the person of a conversation, as sending leaves it. */
  async outgoing(conversation: Row, values: Record<string, unknown> = {}): Promise<Row & { whatsapp_message_id: string }> {
    const row: Record<string, unknown> = {
      id: newId(),
      organization_id: this.company.id,
      conversation_id: conversation.id,
      contact_id: conversation.contact_id,
      whatsapp_number_id: this.number.id,
      direction: 'outgoing',
      sender_type: 'agent',
      message_type: 'text',
      content: 'Já vai',
      status: 'pending',
      whatsapp_message_id: wamid(),
      ...values,
    };
    const columns = Object.keys(row);
    await this.w.sql(
      `INSERT INTO messages (${columns.join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
      columns.map((column) => row[column]),
    );
    return row as Row & { whatsapp_message_id: string };
  }

  async stored(message_id: string): Promise<Row> {
    const [row] = await this.w.sql<Row>('SELECT * FROM messages WHERE id = $1', [message_id]);
    return row;
  }

  /** Every event of a kind in this organization from now on. */
  hear<K extends keyof Events>(name: K): Events[K][] {
    const heard: Events[K][] = [];
    this.w.app.get(EventBus).on(name, (event) => {
      if ((event as { organization_id?: string }).organization_id === this.company.id) heard.push(event);
    });
    return heard;
  }

  /** `inbound_events` of this number, oldest first. */
  events(): Promise<{ state: string; reason: string | null }[]> {
    return this.w.sql('SELECT state, reason FROM inbound_events WHERE whatsapp_number_id = $1 ORDER BY id', [this.number.id]);
  }

  parked(): Promise<{ kind: string; error: string | null; waits_for: string | null }[]> {
    return this.w.sql('SELECT kind, error, waits_for FROM parked_items WHERE whatsapp_number_id = $1 ORDER BY id', [this.number.id]);
  }
}

/** A new organization with a number of its own. */
export async function inbox(values: Partial<OfficialNumber> = {}, env: Record<string, string> = {}): Promise<Inbox> {
  const w = await world({ META_GRAPH_BASE_URL: NO_META, ...env });
  return new Inbox(w, w.acme, await officialNumber(w, w.acme, values));
}
