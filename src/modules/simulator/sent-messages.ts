import { Bounded } from '#common/bounded';
import { visiblePhone, type Customer } from './customer';
import type { Clock } from './clock';
import type { Fault, StatusName, StatusOrder } from './faults';
import { errorTitle } from './graph-error';
import { compact, listAt, newWamid, type JsonObject } from './json';
import type { OutgoingMessage } from './message-rules';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';
import { renderTemplate, type Template } from './template';
import type { ThreadMessage, Threads } from './threads';
import type { Updates } from './updates';

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
    private readonly updates: Updates,
    private readonly clock: Clock,
  ) {}

  accept(number: SimulatorNumber, customer: Customer, message: OutgoingMessage, template: Template | undefined): SentMessage {
    const { phone_number_id } = number;
    const sent: SentMessage = {
      id: newWamid(),
      phone_number_id,
      to: message.to,
      recipient: message.recipient,
      customer: customer.key,
      type: message.type,
      biz_opaque_callback_data: message.biz_opaque_callback_data,
      body: message.body,
      status: 'accepted',
      error_code: null,
      accepted_at: new Date().toISOString(),
    };
    this.byId.set(sent.id, sent);
    const reference = sent.biz_opaque_callback_data;
    if (reference !== null) this.references.set(reference, (this.references.get(reference) ?? 0) + 1);
    const content = message.body[message.type];
    this.threads.add(phone_number_id, customer.key, {
      id: sent.id,
      direction: 'business',
      type: message.type,
      content,
      ...(template
        ? { rendered: template.id ? renderTemplate(template, listAt(content, 'components')) : { body: `[${template.name}]` } }
        : {}),
      context_message_id: message.context_message_id,
      timestamp: sent.accepted_at,
      status: 'accepted',
    });
    return sent;
  }

  followUp(
    number: SimulatorNumber,
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
        before = before.then(() =>
          this.status(number, customer, sent, name, { error, moment, to_phone: how.to_phone, category: how.category }),
        );
      });
    });
  }

  private status(
    number: SimulatorNumber,
    customer: Customer,
    sent: SentMessage,
    status: StatusName,
    how: { error?: number; moment: number; to_phone: boolean; category?: string },
  ): Promise<void> {
    if (rank(status) > rank(sent.status)) sent.status = status;
    if (how.error !== undefined) sent.error_code = how.error;
    this.threads.setStatus(sent.phone_number_id, customer.key, sent.id, sent.status, how.error);
    const failed = status === 'failed';
    const value = {
      // Meta leaves contacts[] and the BSUID out of the failure of a phone send.
      ...(failed
        ? {}
        : {
            contacts: [
              compact({
                wa_id: how.to_phone ? customer.wa_id : visiblePhone(customer),
                user_id: customer.user_id,
                profile: { name: customer.name },
              }),
            ],
          }),
      statuses: [
        compact({
          id: sent.id,
          status,
          timestamp: String(Math.floor(how.moment / 1000)),
          recipient_id: how.to_phone ? customer.wa_id : visiblePhone(customer),
          recipient_user_id: failed && how.to_phone ? undefined : customer.user_id,
          biz_opaque_callback_data: sent.biz_opaque_callback_data ?? undefined,
          pricing:
            status === 'sent' || status === 'delivered'
              ? { billable: true, pricing_model: 'PMP', type: 'regular', category: how.category?.toLowerCase() ?? 'service' }
              : undefined,
          errors: how.error === undefined ? undefined : [statusError(how.error)],
        }),
      ],
    };
    return new Promise<void>((tried) => void this.updates.tell(number, 'messages', value, tried)).then(() => {
      if (status === 'delivered' && this.opened.delete(sent.id)) return this.markRead(number, customer, sent);
      return undefined;
    });
  }

  /** The customer opened the chat: what was delivered becomes read, what is on its way will. */
  read(number: SimulatorNumber, customer: Customer): number {
    let count = 0;
    for (const message of this.threads.get(number.phone_number_id, customer.key).messages) {
      const sent = message.direction === 'business' ? this.byId.get(message.id) : undefined;
      if (!sent || ['read', 'played', 'failed'].includes(sent.status)) continue;
      count++;
      if (sent.status === 'delivered') void this.markRead(number, customer, sent);
      else this.opened.set(sent.id, true);
    }
    return count;
  }

  /** As a thread of an earlier process shows it. */
  restore(
    { phone_number_id }: SimulatorNumber,
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

  private markRead(number: SimulatorNumber, customer: Customer, sent: SentMessage): Promise<void> {
    return this.status(number, customer, sent, 'read', { moment: Date.now(), to_phone: sent.to !== null });
  }
}

function statusError(code: number): object {
  const title = errorTitle(code);
  return {
    code,
    title,
    message: title,
    error_data: { details: title },
    href: 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/',
  };
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
