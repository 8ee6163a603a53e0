import { Bounded } from '#common/bounded';
import { contactOf, incomingMessage, type Customer, type CustomerMessage, type Customers } from './customer';
import { withMedia } from './customer-media';
import type { Delivery } from './deliveries';
import { GraphError } from './graph-error';
import { isObject, newWamid, objectAt, stringAt } from './json';
import type { MediaStore } from './media-store';
import type { SentMessages } from './sent-messages';
import type { SimulatorNumber, SimulatorOptions } from './simulator-options';
import type { ThreadMessage, Threads } from './threads';
import type { Updates } from './updates';
import type { Windows } from './windows';

const MAX_RECEIVED = 200_000;
/** WhatsApp's longest text has 65,536 characters. */
const MAX_INCOMING = 128 * 1024;
const MAX_ID = 256;

/** The customers' side: what they write leaves for the product, and the product marks it read. */
export class Phones {
  /** Message ids the customers sent, by number: what may be marked read. */
  private readonly received = new Bounded<string, string>({ count: MAX_RECEIVED });

  constructor(
    private readonly options: SimulatorOptions,
    private readonly customers: Customers,
    private readonly threads: Threads,
    private readonly media: MediaStore,
    private readonly windows: Windows,
    private readonly sent: SentMessages,
    private readonly updates: Updates,
  ) {}

  /**
   * A customer's message leaves for the product; `delivered` resolves when its webhook was acknowledged or given up.
   * @throws {RangeError} a kind or content WhatsApp would not carry.
   */
  write(number: SimulatorNumber, customer: Customer, message: CustomerMessage): { message_id: string; delivered: Promise<Delivery> } {
    const id = message.id ?? newWamid();
    const business = number.display_phone_number.replace(/\D/g, '');
    const incoming = incomingMessage(customer, withMedia(this.media, number.phone_number_id, message), id, business);
    if (id.length > MAX_ID || JSON.stringify(incoming).length > MAX_INCOMING)
      throw new RangeError('the message is larger than WhatsApp carries');
    const contact = contactOf(customer);
    const moment = Number(incoming['timestamp']) * 1000;
    this.received.set(`${number.phone_number_id} ${id}`, customer.key);
    if (!['system', 'edit', 'revoke'].includes(message.type)) this.windows.open(number, customer, moment);
    this.threads.add(number.phone_number_id, customer.key, {
      id,
      direction: 'customer',
      type: message.type,
      content: incoming[message.type],
      context_message_id: message.context?.message_id ?? null,
      timestamp: new Date(moment).toISOString(),
      status: 'sent',
    });
    if (message.type === 'system') {
      const system = objectAt(incoming, 'system');
      const wa_id = stringAt(system, 'wa_id');
      if (wa_id && /^user_changed/.test(stringAt(system, 'type') ?? '')) this.customers.changeNumber(customer, wa_id);
    }
    const value = message.type === 'system' ? { messages: [incoming] } : { contacts: [contact], messages: [incoming] };
    return { message_id: id, delivered: this.updates.tell(number, 'messages', value) };
  }

  /** What `POST /{phone_number_id}/messages` does with a `status`. @throws {GraphError} what Meta refuses. */
  receipt(number: SimulatorNumber, input: unknown): object {
    const id = stringAt(input, 'message_id');
    if (stringAt(input, 'status') !== 'read') throw new GraphError(100, 'Param status must be one of {READ}');
    if (id === undefined) throw new GraphError(131008, 'Required parameter message_id is missing');
    const customer = this.received.get(`${number.phone_number_id} ${id}`);
    if (customer === undefined) {
      if (this.options.strict) throw new GraphError(131009, 'Invalid message_id');
      return { success: true };
    }
    const { messages } = this.threads.get(number.phone_number_id, customer);
    // Reading one message reads all before it.
    for (const message of messages.slice(0, messages.findIndex((m) => m.id === id) + 1)) {
      if (message.direction === 'customer' && message.status !== 'read')
        this.threads.setStatus(number.phone_number_id, customer, message.id, 'read');
    }
    if (isObject(input) && input['typing_indicator'] !== undefined) this.threads.typing(number.phone_number_id, customer);
    return { success: true };
  }

  /** What a phone showed before: with an earlier process, or before the demo began. */
  restore(number: SimulatorNumber, customer: Customer, messages: readonly ThreadMessage[]): void {
    for (const message of messages) {
      if (message.direction === 'customer') {
        this.received.set(`${number.phone_number_id} ${message.id}`, customer.key);
        this.windows.open(number, customer, Date.parse(message.timestamp));
      } else this.sent.restore(number, customer, message);
      this.threads.add(number.phone_number_id, customer.key, message);
    }
  }

  clear(): void {
    this.received.clear();
  }
}
