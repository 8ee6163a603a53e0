import { Bounded } from '#common/bounded';
import type { Customer } from './customer';
import type { Clock } from './clock';
import type { Fault, StatusName, StatusOrder } from './faults';
import type { JsonObject } from './json';
import type { SimulatorOptions } from './simulator-options';
import type { ThreadMessage, Threads } from './threads';

export interface SentMessage {
  id: string;
  phone_number_id: string;
  /** As it was asked for. */
  to: string | null;
  recipient: string | null;
  customer: string;
  type: string;
  biz_opaque_callback_data: string | null;
  body: JsonObject;
  status: 'accepted' | StatusName;
  error_code: number | null;
  accepted_at: string;
}

/** What a provider takes on. */
export interface NewSend extends Pick<
  SentMessage,
  'id' | 'phone_number_id' | 'to' | 'recipient' | 'type' | 'biz_opaque_callback_data' | 'body'
> {
  /** The object named by the type, as the phone shows it. */
  content: unknown;
  /** A template as the customer reads it. */
  rendered?: JsonObject;
  context_message_id: string | null;
}

/** A step of a message's way. */
export interface StatusStep {
  status: StatusName;
  /** Of a failure. */
  error: number | undefined;
  /** When it was, in milliseconds. */
  moment: number;
  /** Whether it was sent to a phone number, and not to a BSUID. */
  to_phone: boolean;
  /** Of its template. */
  category: string | undefined;
}

/** Tells the product in its provider's words; resolves when that was tried once, whatever came of it. */
export type TellStatus = (sent: SentMessage, customer: Customer, step: StatusStep) => Promise<void>;

const MAX_SENT = 200_000;
const MAX_SENT_BYTES = 128 * 1024 * 1024;
const MAX_REFERENCES = 500_000;

/** What the product sent, from its acceptance to "read": each step is shown on the customer's phone and told by webhook. */
export class SentMessages {
  private readonly byId = new Bounded<string, SentMessage>(
    { count: MAX_SENT, bytes: MAX_SENT_BYTES },
    ({ body }) => JSON.stringify(body).length,
  );
  private readonly references = new Bounded<string, number>({ count: MAX_REFERENCES });
  /** Sends the customer looks at already, though they are not marked delivered yet. */
  private readonly opened = new Bounded<string, true>({ count: MAX_SENT });

  constructor(
    private readonly options: SimulatorOptions,
    private readonly threads: Threads,
    private readonly tell: TellStatus,
    private readonly clock: Clock,
  ) {}

  accept(customer: Customer, send: NewSend): SentMessage {
    const { content, rendered, context_message_id, ...message } = send;
    const sent: SentMessage = {
      ...message,
      customer: customer.key,
      status: 'accepted',
      error_code: null,
      accepted_at: new Date().toISOString(),
    };
    this.byId.set(sent.id, sent);
    const reference = sent.biz_opaque_callback_data;
    if (reference !== null) this.references.set(reference, (this.references.get(reference) ?? 0) + 1);
    this.threads.add(sent.phone_number_id, customer.key, {
      id: sent.id,
      direction: 'business',
      type: sent.type,
      content,
      ...(rendered ? { rendered } : {}),
      context_message_id,
      timestamp: sent.accepted_at,
      status: 'accepted',
    });
    return sent;
  }

  followUp(
    customer: Customer,
    sent: SentMessage,
    how: { failure?: number; statuses?: Fault['statuses']; category?: string; to_phone: boolean },
  ): void {
    const { delays } = this.options;
    const order = how.statuses ?? this.options.statuses;
    const at: Record<StatusName, number> = {
      sent: delays.sent_ms,
      delivered: delays.delivered_ms,
      read: delays.delivered_ms + (delays.read_after_ms ?? 0),
      played: delays.delivered_ms + (delays.read_after_ms ?? 0),
      failed: delays.failed_ms,
    };
    // A reaction has no life of its own: Meta says `sent` and nothing more.
    const usual: StatusName[] =
      how.failure !== undefined
        ? ['failed']
        : sent.type === 'reaction'
          ? ['sent']
          : ['sent', 'delivered', ...(delays.read_after_ms === null ? [] : (['read'] as const))];
    const names = Array.isArray(order) ? order : arrange(usual, order);
    const times = names.map((name) => at[name]).sort((a, b) => a - b);
    // Two POSTs may overtake each other on the way: the next one starts when the one before was tried.
    let before = Promise.resolve();
    names.forEach((name, index) => {
      const wait = (times[index] ?? 0) + (order === 'delayed' ? delays.late_ms : 0);
      const error = name === 'failed' ? (how.failure ?? 131000) : undefined;
      const moment = Date.now() + at[name];
      this.clock.later(wait, () => {
        const step = { status: name, error, moment, to_phone: how.to_phone, category: how.category };
        before = before.then(() => this.step(customer, sent, step));
      });
    });
  }

  /** So far it came: its phone shows it, and the product is told. */
  async step(customer: Customer, sent: SentMessage, step: StatusStep): Promise<void> {
    const { status, error } = step;
    if (rank(status) > rank(sent.status)) sent.status = status;
    if (error !== undefined) sent.error_code = error;
    this.threads.setStatus(sent.phone_number_id, customer.key, sent.id, sent.status, error);
    await this.tell(sent, customer, step);
    if (status === 'delivered' && this.opened.delete(sent.id)) await this.markRead(customer, sent);
  }

  get(id: string): SentMessage | undefined {
    return this.byId.get(id);
  }

  /** The customer opened the chat: what was delivered becomes read, what is on its way will. */
  read({ phone_number_id }: { phone_number_id: string }, customer: Customer): number {
    let count = 0;
    for (const message of this.threads.get(phone_number_id, customer.key).messages) {
      const sent = message.direction === 'business' ? this.byId.get(message.id) : undefined;
      if (!sent || ['read', 'played', 'failed'].includes(sent.status)) continue;
      count++;
      if (sent.status === 'delivered') void this.markRead(customer, sent);
      else this.opened.set(sent.id, true);
    }
    return count;
  }

  /** As a thread of an earlier process shows it. */
  restore(
    { phone_number_id }: { phone_number_id: string },
    customer: Customer,
    { id, type, status, content, timestamp, error_code }: ThreadMessage,
  ): void {
    this.byId.set(id, {
      id,
      phone_number_id,
      to: customer.wa_id,
      recipient: customer.wa_id === null ? customer.user_id : null,
      customer: customer.key,
      type,
      biz_opaque_callback_data: null,
      body: { type, [type]: content },
      // What was on its way has arrived since.
      status: status === 'accepted' || status === 'sent' ? 'delivered' : status,
      error_code: error_code ?? null,
      accepted_at: timestamp,
    });
  }

  /** Accepted sends, oldest first. */
  list(filter: { phone_number_id?: string; to?: string; biz_opaque_callback_data?: string } = {}): SentMessage[] {
    const digits = filter.to?.replace(/^\+/, '');
    return [...this.byId.values()].filter(
      (s) =>
        (filter.phone_number_id === undefined || s.phone_number_id === filter.phone_number_id) &&
        (filter.biz_opaque_callback_data === undefined || s.biz_opaque_callback_data === filter.biz_opaque_callback_data) &&
        (digits === undefined || s.customer === digits || s.to?.replace(/\D/g, '') === digits || s.recipient === digits),
    );
  }

  /** How often each `biz_opaque_callback_data` was accepted; more than once is a message doubled. */
  perReference(): ReadonlyMap<string, number> {
    return this.references;
  }

  clear(): void {
    for (const memory of [this.byId, this.references, this.opened]) memory.clear();
  }

  private markRead(customer: Customer, sent: SentMessage): Promise<void> {
    const step = { status: 'read', error: undefined, moment: Date.now(), to_phone: sent.to !== null, category: undefined } as const;
    return this.step(customer, sent, step);
  }
}

function arrange(names: StatusName[], order: StatusOrder): StatusName[] {
  if (order === 'dropped') return [];
  if (order === 'reversed') return names.toReversed();
  if (order === 'doubled') return names.flatMap((name) => [name, name]);
  if (order === 'shuffled') return names.toSorted(() => Math.random() - 0.5);
  return names;
}

function rank(status: SentMessage['status']): number {
  return ['accepted', 'sent', 'delivered', 'read', 'played', 'failed'].indexOf(status);
}
