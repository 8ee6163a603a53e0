import { join } from 'node:path';
import type { Router } from 'express';
import { Bounded } from '#common/bounded';
import {
  contactOf,
  Customers,
  incomingMessage,
  visiblePhone,
  type Customer,
  type CustomerIdentity,
  type CustomerMessage,
} from './customer';
import { EventStreams } from './event-streams';
import { Faults, magicFault, type Fault, type StatusName, type StatusOrder } from './faults';
import { errorTitle, GraphError, noSuchObject } from './graph-error';
import { graphRoutes } from './graph.routes';
import { compact, digitsOf, isObject, listAt, newWamid, objectAt, stringAt, type JsonObject } from './json';
import { MediaStore, type StoredMedia } from './media-store';
import { BSUID, readMessage, type OutgoingMessage } from './message-rules';
import { PhoneMemory, type Memory } from './phone-memory';
import { phoneRoutes } from './phone.routes';
import { checkComponents, checkTemplate, checkTemplateParameters, renderTemplate, type Template } from './template';
import { mediaIdsOf, Threads, type Thread } from './threads';
import { WebhookSender, type Delivery, type WebhookTarget } from './webhook-sender';

export interface SimulatorNumber {
  phone_number_id: string;
  waba_id: string;
  display_phone_number: string;
  verified_name: string;
  /** This number's own app; default the simulator's. */
  app_secret?: string;
}

export interface Delays {
  /** Before the Graph API answers. */
  answer_ms: number;
  /** After the acceptance; Meta shows nothing exact, these look right on a page. */
  sent_ms: number;
  delivered_ms: number;
  failed_ms: number;
  /** After the delivery; null: read when the customer opens the chat. */
  read_after_ms: number | null;
  /** How much later the statuses come in the order `delayed`. */
  late_ms: number;
  template_review_ms: number;
}

export interface SimulatorOptions {
  app_secret: string;
  /** Where the product listens; null: nothing is posted. A function where the port is known only after the start. */
  webhook_url: string | null | (() => string | null);
  /** null: any bearer token is good. */
  access_token: string | null;
  numbers: SimulatorNumber[];
  /** Ids that become numbers of the simulator when first used. */
  accepts: (phone_number_id: string) => boolean;
  delays: Delays;
  statuses: StatusOrder;
  /** How a message outside the 24-hour window fails. Meta: mostly by status. */
  window: 'async' | 'sync' | 'off';
  /** false: who or what the simulator does not know (it forgets, the product does not) is let through. */
  strict: boolean;
  /** A directory of the simulator alone, where the phones and their media outlive it; default: they do not. */
  data_dir: string | undefined;
  /** true: the control routes do not touch the webhook, the secret, the token or other people's numbers. */
  locked: boolean;
  /** Throughput of one number; above it 130429. */
  messages_per_second: number | null;
  /** Meta's pair rate: 45 at once, then one per 6 s; above it 131056. */
  pair_limit: boolean;
}

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

export interface SendOutcome {
  answer: object;
  fault: Fault | undefined;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_SENT = 200_000;
const MAX_SENT_BYTES = 128 * 1024 * 1024;
const MAX_REFERENCES = 500_000;
const MAX_NUMBERS = 1000;
/** WhatsApp's longest text has 65,536 characters. */
const MAX_INCOMING = 128 * 1024;
const MAX_ID = 256;
/** Meta: the fields of a number; the others are of its account. */
const NUMBER_FIELDS = ['messages', 'smb_message_echoes', 'smb_app_state_sync', 'user_preferences', 'user_id_update', 'history', 'calls'];
const DEFAULTS: SimulatorOptions = {
  app_secret: '',
  webhook_url: null,
  access_token: null,
  numbers: [],
  accepts: () => false,
  delays: { answer_ms: 0, sent_ms: 150, delivered_ms: 400, failed_ms: 400, read_after_ms: null, late_ms: 5000, template_review_ms: 1500 },
  statuses: 'in_order',
  window: 'async',
  strict: true,
  data_dir: undefined,
  locked: false,
  messages_per_second: null,
  pair_limit: false,
};

/**
 * A fake Meta: the Graph API a sender calls, the webhooks a receiver gets, and the customers between them.
 * Everything is in memory and bounded; with a `data_dir` what the phones showed last survives it.
 */
export class GraphSimulator {
  readonly options: SimulatorOptions;
  readonly customers = new Customers();
  readonly faults = new Faults();
  readonly events = new EventStreams();
  readonly media: MediaStore;
  readonly threads = new Threads((event) => {
    this.events.tell(event.event, event);
    this.memory?.changed();
  });
  readonly webhooks = new WebhookSender();
  /** `/{version}/...`, as under https://graph.facebook.com. */
  readonly graph: Router;
  /** `/control/*` for scripts, `/phone/*` for the page. */
  readonly api: Router;

  private readonly memory: PhoneMemory | undefined;
  private readonly numbersById = new Map<string, SimulatorNumber>();
  private readonly templatesById = new Bounded<string, Template>({ count: 10_000 });
  private readonly unsubscribed = new Set<string>();
  private readonly overrides = new Map<string, string>();
  private readonly profiles = new Map<string, JsonObject>();
  private readonly sentById = new Bounded<string, SentMessage>(
    { count: MAX_SENT, bytes: MAX_SENT_BYTES },
    ({ body }) => JSON.stringify(body).length,
  );
  private readonly references = new Bounded<string, number>({ count: MAX_REFERENCES });
  /** Message ids the customers sent, by number: what may be marked read. */
  private readonly received = new Bounded<string, string>({ count: MAX_SENT });
  private readonly lastIncoming = new Bounded<string, number>({ count: MAX_SENT });
  private readonly bursts = new Map<string, number[]>();
  private readonly buckets = new Bounded<string, { tokens: number; at: number }>({ count: MAX_SENT });
  /** Sends the customer looks at already, though they are not marked delivered yet. */
  private readonly opened = new Bounded<string, true>({ count: MAX_SENT });
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(options: Partial<Omit<SimulatorOptions, 'delays'>> & { delays?: Partial<Delays> } = {}) {
    this.options = { ...DEFAULTS, ...options, delays: { ...DEFAULTS.delays, ...options.delays } };
    const { data_dir } = this.options;
    this.media = new MediaStore(data_dir && join(data_dir, 'media'));
    for (const number of this.options.numbers) this.addNumber(number);
    if (data_dir !== undefined) {
      this.memory = new PhoneMemory(join(data_dir, 'phones.json'), () => this.remembered());
      this.recall(this.memory);
    }
    this.graph = graphRoutes(this);
    this.api = phoneRoutes(this);
  }

  // Numbers

  get numbers(): SimulatorNumber[] {
    return [...this.numbersById.values()];
  }

  /** @throws {RangeError} there are too many already. */
  addNumber(number: SimulatorNumber): SimulatorNumber {
    if (this.numbersById.size >= MAX_NUMBERS && !this.numbersById.has(number.phone_number_id))
      throw new RangeError(`numbers: ${MAX_NUMBERS} at most`);
    this.numbersById.set(number.phone_number_id, number);
    if (!this.templates(number.waba_id).length)
      for (const template of starterTemplates(number.waba_id)) this.templatesById.set(template.id, template);
    return number;
  }

  findNumber(phone_number_id: string): SimulatorNumber | undefined {
    const known = this.numbersById.get(phone_number_id);
    if (known || !this.options.accepts(phone_number_id) || this.numbersById.size >= MAX_NUMBERS) return known;
    return this.addNumber({
      phone_number_id,
      waba_id: wabaIdOf(phone_number_id),
      display_phone_number: `+55 11 9${phone_number_id.slice(-8, -4)}-${phone_number_id.slice(-4)}`,
      verified_name: `Simulator ${phone_number_id.slice(-4)}`,
    });
  }

  number(phone_number_id: string | undefined): SimulatorNumber {
    const number = phone_number_id === undefined ? this.numbers[0] : this.findNumber(phone_number_id);
    if (!number) throw new RangeError(`phone_number_id: ${phone_number_id ?? 'there is no number'} is not a number of the simulator`);
    return number;
  }

  numbersOf(waba_id: string): SimulatorNumber[] {
    return this.numbers.filter((number) => number.waba_id === waba_id);
  }

  profile(phone_number_id: string): JsonObject {
    return (
      this.profiles.get(phone_number_id) ?? {
        messaging_product: 'whatsapp',
        about: 'Hey there! I am using WhatsApp.',
        vertical: 'UNDEFINED',
      }
    );
  }

  setProfile(phone_number_id: string, fields: JsonObject): void {
    const limits: Record<string, number> = { about: 139, address: 256, description: 512, email: 128 };
    for (const [key, limit] of Object.entries(limits)) {
      if ((stringAt(fields, key) ?? '').length > limit) throw new GraphError(100, `Param ${key} must be at most ${limit} characters long.`);
    }
    if (listAt(fields, 'websites').length > 2) throw new GraphError(100, 'Param websites must have at most 2 elements.');
    this.profiles.set(phone_number_id, { ...this.profile(phone_number_id), ...fields });
  }

  subscription(waba_id: string): { subscribed: boolean; override_callback_uri: string | null } {
    return { subscribed: !this.unsubscribed.has(waba_id), override_callback_uri: this.overrides.get(waba_id) ?? null };
  }

  subscribe(waba_id: string, subscribed: boolean, override_callback_uri?: string): void {
    if (subscribed) this.unsubscribed.delete(waba_id);
    else this.unsubscribed.add(waba_id);
    // A locked simulator posts to its own product only: it must not be a way to reach other addresses.
    if (override_callback_uri !== undefined && !this.options.locked) this.overrides.set(waba_id, override_callback_uri);
    else this.overrides.delete(waba_id);
  }

  // Sending

  /**
   * What `POST /{phone_number_id}/messages` does.
   * @throws {GraphError} what Meta refuses, or a fault ordered for this call.
   */
  send(phone_number_id: string, input: unknown): SendOutcome {
    const number = this.findNumber(phone_number_id);
    if (!number) throw noSuchObject('POST', phone_number_id);
    if (stringAt(input, 'status') !== undefined) return { answer: this.receipt(number, input), fault: undefined };

    const message = readMessage(input);
    const { customer, wa_id, lost } = this.recipientOf(message);
    if (wa_id !== null && wa_id === number.display_phone_number.replace(/\D/g, '')) throw new GraphError(131021);
    const template = message.type === 'template' ? this.checkedTemplate(number, message, wa_id) : undefined;
    this.checkMedia(message);

    const digits = wa_id ?? customer.user_id;
    const fault = this.faults.take({ route: 'messages', phone_number_id, to: digits }) ?? magicFault(digits);
    if (fault?.code !== undefined && fault.as !== 'status') throw new GraphError(fault.code);
    if ((fault?.http_status !== undefined || fault?.hang || fault?.reset) && !fault.accepted) return { answer: {}, fault };
    this.checkRates(number, customer);
    const outside = !template && !this.windowIsOpen(number, customer);
    if (outside && this.options.window === 'sync')
      throw new GraphError(131047, 'More than 24 hours have passed since the customer last replied to this number.');

    const sent = this.accept(number, customer, message, template);
    const failure = fault?.as === 'status' ? fault.code : outside ? 131047 : undefined;
    if (!lost)
      this.followUp(number, customer, sent, { failure, statuses: fault?.statuses, category: template?.category, to_phone: wa_id !== null });
    return { answer: answerTo(message, customer, wa_id, sent.id), fault };
  }

  private recipientOf(message: OutgoingMessage): { customer: Customer; wa_id: string | null; lost: boolean } {
    if (message.to === null) return { customer: this.customers.recipient(null, message.recipient), wa_id: null, lost: false };
    const digits = message.to.replace(/\D/g, '');
    // Meta takes a BSUID in `to` for a phone number: accepted and never delivered (chatwoot#15150).
    if (BSUID.test(message.to)) return { customer: this.customers.recipient(digits, null), wa_id: digits, lost: true };
    const customer = this.customers.recipient(digits, null);
    return { customer, wa_id: customer.wa_id ?? digits, lost: false };
  }

  private checkedTemplate(number: SimulatorNumber, message: OutgoingMessage, wa_id: string | null): Template | undefined {
    const head = objectAt(message.body, 'template');
    const name = stringAt(head, 'name') ?? '';
    const code = stringAt(objectAt(head, 'language'), 'code') ?? '';
    const template = this.templates(number.waba_id).find((t) => t.name === name && t.language === code);
    if (!template && !this.options.strict) return { ...unknownTemplate, name, language: code };
    if (!template) throw new GraphError(132001, `template name (${name}) does not exist in ${code}`);
    if (template.status === 'PAUSED') throw new GraphError(132015, `Template ${name} is paused`);
    if (template.status === 'DISABLED') throw new GraphError(132016, `Template ${name} is disabled`);
    if (template.status !== 'APPROVED') throw new GraphError(132001, `template ${name} is not approved in ${code}`);
    if (wa_id === null && template.category === 'AUTHENTICATION') throw new GraphError(131062);
    checkTemplateParameters(template, listAt(head, 'components'));
    return template;
  }

  private checkMedia(message: OutgoingMessage): void {
    for (const id of mediaIdsOf(message.type, message.body[message.type])) {
      if (!this.media.get(id))
        throw new GraphError(100, `Param ${message.type}['id'] is not a valid whatsapp business account media attachment ID`);
    }
  }

  private checkRates(number: SimulatorNumber, customer: Customer): void {
    const now = Date.now();
    const limit = this.options.messages_per_second;
    if (limit !== null) {
      const recent = (this.bursts.get(number.phone_number_id) ?? []).filter((at) => at > now - 1000);
      if (recent.length >= limit) throw new GraphError(130429, 'Cloud API message throughput has been reached.');
      this.bursts.set(number.phone_number_id, [...recent, now]);
    }
    if (this.options.pair_limit) {
      const key = `${number.phone_number_id} ${customer.key}`;
      const bucket = this.buckets.get(key) ?? { tokens: 45, at: now };
      const tokens = Math.min(45, bucket.tokens + (now - bucket.at) / 6000);
      if (tokens < 1) throw new GraphError(131056);
      this.buckets.set(key, { tokens: tokens - 1, at: now });
    }
  }

  private accept(number: SimulatorNumber, customer: Customer, message: OutgoingMessage, template: Template | undefined): SentMessage {
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
    this.sentById.set(sent.id, sent);
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

  private followUp(
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
      this.later(wait, () => {
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
    return new Promise<void>((tried) => void this.tell(number, 'messages', value, tried)).then(() => {
      if (status === 'delivered' && this.opened.delete(sent.id)) return this.markRead(number, customer, sent);
      return undefined;
    });
  }

  private receipt(number: SimulatorNumber, input: unknown): object {
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

  /** Accepted sends, oldest first. */
  sent(filter: { phone_number_id?: string; to?: string; biz_opaque_callback_data?: string } = {}): SentMessage[] {
    const digits = filter.to?.replace(/^\+/, '');
    return [...this.sentById.values()].filter(
      (s) =>
        (filter.phone_number_id === undefined || s.phone_number_id === filter.phone_number_id) &&
        (filter.biz_opaque_callback_data === undefined || s.biz_opaque_callback_data === filter.biz_opaque_callback_data) &&
        (digits === undefined || s.customer === digits || s.to?.replace(/\D/g, '') === digits || s.recipient === digits),
    );
  }

  /** How often each `biz_opaque_callback_data` was accepted; more than once is a message doubled. */
  acceptedPerReference(): ReadonlyMap<string, number> {
    return this.references;
  }

  // Customers

  customer(identity: CustomerIdentity, phone_number_id?: string): SimulatedCustomer {
    return new SimulatedCustomer(this, this.number(phone_number_id), this.customers.know(identity));
  }

  /**
   * A customer's message leaves for the product; `delivered` resolves when its webhook was acknowledged or given up.
   * @throws {RangeError} a kind or content WhatsApp would not carry.
   */
  write(number: SimulatorNumber, customer: Customer, message: CustomerMessage): { message_id: string; delivered: Promise<Delivery> } {
    const id = message.id ?? newWamid();
    const business = number.display_phone_number.replace(/\D/g, '');
    const incoming = incomingMessage(customer, this.withMedia(number, message), id, business);
    if (id.length > MAX_ID || JSON.stringify(incoming).length > MAX_INCOMING)
      throw new RangeError('the message is larger than WhatsApp carries');
    const contact = contactOf(customer);
    const moment = Number(incoming['timestamp']) * 1000;
    this.received.set(`${number.phone_number_id} ${id}`, customer.key);
    if (!['system', 'edit', 'revoke'].includes(message.type)) this.openWindow(number, customer, moment);
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
    return { message_id: id, delivered: this.tell(number, 'messages', value) };
  }

  /** The customer opened the chat: what was delivered becomes read, what is on its way will. */
  read(number: SimulatorNumber, customer: Customer): number {
    let count = 0;
    for (const message of this.threads.get(number.phone_number_id, customer.key).messages) {
      const sent = message.direction === 'business' ? this.sentById.get(message.id) : undefined;
      if (!sent || ['read', 'played', 'failed'].includes(sent.status)) continue;
      count++;
      if (sent.status === 'delivered') void this.markRead(number, customer, sent);
      else this.opened.set(sent.id, true);
    }
    return count;
  }

  /** What a phone showed before: with an earlier process, or before the demo began. */
  restore({ phone_number_id, messages }: Thread, customer: Customer): void {
    const number = this.number(phone_number_id);
    for (const message of messages) {
      const { id, direction, type, status, timestamp } = message;
      if (direction === 'customer') {
        this.received.set(`${phone_number_id} ${id}`, customer.key);
        this.openWindow(number, customer, Date.parse(timestamp));
      } else
        this.sentById.set(id, {
          id,
          phone_number_id,
          to: customer.wa_id,
          recipient: customer.wa_id === null ? customer.user_id : null,
          customer: customer.key,
          type,
          biz_opaque_callback_data: null,
          body: { type, [type]: message.content },
          // What was on its way has arrived since.
          status: status === 'accepted' || status === 'sent' ? 'delivered' : status,
          error_code: message.error_code ?? null,
          accepted_at: timestamp,
        });
      this.threads.add(phone_number_id, customer.key, message);
    }
  }

  private recall(memory: PhoneMemory): void {
    const { threads, customers, media } = memory.recall();
    this.media.restore(media);
    for (const customer of customers) this.customers.keep(customer);
    for (const thread of threads) {
      const key = thread.customer;
      // Who never wrote is not among the customers.
      const customer =
        this.customers.find(key) ?? (BSUID.test(key) ? this.customers.recipient(null, key) : this.customers.recipient(key, null));
      if (this.findNumber(thread.phone_number_id)) this.restore(thread, customer);
    }
  }

  private remembered(): Memory {
    const threads = this.threads.latest();
    const customers = threads.map((thread) => this.customers.find(thread.customer)).filter((customer) => customer !== undefined);
    return { threads, customers: [...new Set(customers)], media: this.media.kept() };
  }

  private markRead(number: SimulatorNumber, customer: Customer, sent: SentMessage): Promise<void> {
    return this.status(number, customer, sent, 'read', { moment: Date.now(), to_phone: sent.to !== null });
  }

  openWindow(number: SimulatorNumber, customer: Customer, moment = Date.now()): void {
    const key = `${number.phone_number_id} ${customer.key}`;
    this.lastIncoming.set(key, Math.max(moment, this.lastIncoming.get(key) ?? 0));
  }

  closeWindow(number: SimulatorNumber, customer: Customer): void {
    this.lastIncoming.set(`${number.phone_number_id} ${customer.key}`, 0);
  }

  private windowIsOpen(number: SimulatorNumber, customer: Customer): boolean {
    if (this.options.window === 'off') return true;
    const last = this.lastIncoming.get(`${number.phone_number_id} ${customer.key}`);
    return last === undefined ? !this.options.strict : last > Date.now() - DAY_MS;
  }

  /** Fills in what WhatsApp knows of an uploaded file. */
  private withMedia(number: SimulatorNumber, message: CustomerMessage): CustomerMessage {
    const content = message[message.type];
    if (!['image', 'video', 'audio', 'document', 'sticker'].includes(message.type) || !isObject(content)) return message;
    const { base64, data, ...rest } = content;
    const encoded = base64 ?? data;
    const mime_type = stringAt(rest, 'mime_type') ?? DEFAULT_MIME[message.type] ?? 'application/octet-stream';
    const stored: StoredMedia | undefined =
      typeof encoded === 'string'
        ? this.media.put(number.phone_number_id, {
            mime_type,
            filename: stringAt(rest, 'filename') ?? null,
            bytes: Buffer.from(encoded, 'base64'),
          })
        : this.media.get(stringAt(rest, 'id') ?? '');
    if (!stored) return message;
    const known = {
      id: stored.id,
      mime_type: stored.mime_type,
      sha256: stored.sha256.toString('base64'),
      ...(message.type === 'audio' ? { voice: rest['voice'] === true } : {}),
      ...(message.type === 'sticker' ? { animated: rest['animated'] === true } : {}),
      ...(message.type === 'document' && stored.filename ? { filename: stored.filename } : {}),
    };
    return { ...message, [message.type]: { ...rest, ...known } };
  }

  // Templates

  templates(waba_id: string): Template[] {
    return [...this.templatesById.values()].filter((template) => template.waba_id === waba_id);
  }

  template(id: string): Template | undefined {
    return this.templatesById.get(id);
  }

  /** @throws {GraphError} 100: bad shape, or the name stands in this language already. */
  createTemplate(waba_id: string, body: unknown): Template {
    const checked = checkTemplate(body);
    if (this.templates(waba_id).some((t) => t.name === checked.name && t.language === checked.language)) {
      throw new GraphError(
        100,
        `There is already ${checked.language} content for this template. You can create a new template and try again.`,
        2388024,
      );
    }
    const template: Template = {
      id: digitsOf(`${waba_id}:${checked.name}:${checked.language}:${process.hrtime.bigint()}`, 15),
      waba_id,
      status: 'PENDING',
      rejected_reason: 'NONE',
      quality_score: { score: 'UNKNOWN' },
      ...checked,
    };
    this.templatesById.set(template.id, template);
    this.review(template);
    return template;
  }

  editTemplate(template: Template, body: unknown): void {
    if (!['APPROVED', 'REJECTED', 'PAUSED'].includes(template.status))
      throw new GraphError(100, 'Only approved, rejected or paused templates can be edited');
    template.components = checkComponents(listAt(body, 'components'), template.category);
    template.status = 'PENDING';
    this.review(template);
  }

  deleteTemplates(waba_id: string, name: string, hsm_id?: string): void {
    const doomed = this.templates(waba_id).filter((t) => t.name === name && (hsm_id === undefined || t.id === hsm_id));
    if (!doomed.length) throw new GraphError(100, `Message template "${name}" was not found`, 2593002);
    for (const template of doomed) this.templatesById.delete(template.id);
  }

  /** Meta's verdict comes by webhook. A name with `reject` in it is refused. */
  private review(template: Template): void {
    const rejected = /reject|recusad/.test(template.name);
    this.later(
      this.options.delays.template_review_ms,
      () => void this.setTemplateStatus(template, rejected ? 'REJECTED' : 'APPROVED', rejected ? 'INVALID_FORMAT' : 'NONE'),
    );
  }

  setTemplateStatus(template: Template, event: string, reason = 'NONE'): Promise<Delivery> {
    template.status = event === 'REINSTATED' || event === 'UNARCHIVED' ? 'APPROVED' : event;
    template.rejected_reason = reason;
    const value = {
      event,
      message_template_id: Number(template.id),
      message_template_name: template.name,
      message_template_language: template.language,
      message_template_category: template.category,
      reason,
    };
    return this.tellAccount(template.waba_id, 'message_template_status_update', value);
  }

  // Webhooks

  /**
   * Any other update of a number: whose it is, its number alone says, the rest is as given.
   * @throws {RangeError} the value names a number or an account of its own.
   */
  tell(number: SimulatorNumber, field: string, value: JsonObject, tried?: () => void): Promise<Delivery> {
    const display_phone_number = number.display_phone_number.replace(/\D/g, '');
    const metadata = { display_phone_number, phone_number_id: number.phone_number_id };
    for (const { name, given, own } of [
      { name: 'metadata', given: value['metadata'], own: undefined },
      { name: 'phone_number_id', given: value['phone_number_id'], own: number.phone_number_id },
      { name: 'waba_id', given: value['waba_id'], own: number.waba_id },
      { name: 'waba_info.waba_id', given: objectAt(value, 'waba_info')?.['waba_id'], own: number.waba_id },
      { name: 'display_phone_number', given: value['display_phone_number'], own: display_phone_number },
      { name: 'phone_number', given: value['phone_number'], own: display_phone_number },
    ])
      if (given !== undefined && String(given).replace(/^\+/, '') !== own)
        throw new RangeError(`value.${name}: the number says it itself, leave it out`);
    const whole = NUMBER_FIELDS.includes(field) ? { messaging_product: 'whatsapp', metadata, ...value } : value;
    return this.deliver(number.waba_id, number, field, whole, tried);
  }

  /** An update of a WhatsApp Business account: it names no number. */
  tellAccount(waba_id: string, field: string, value: JsonObject): Promise<Delivery> {
    return this.deliver(waba_id, this.numbersOf(waba_id)[0], field, value);
  }

  /** Signs and posts a payload of the caller's own making. */
  postWebhook(payload: unknown): Promise<Delivery> {
    return this.webhooks.post(this.target(undefined), payload);
  }

  private deliver(
    waba_id: string,
    number: SimulatorNumber | undefined,
    field: string,
    value: JsonObject,
    tried?: () => void,
  ): Promise<Delivery> {
    if (this.unsubscribed.has(waba_id)) {
      tried?.();
      return Promise.resolve({ status_code: 0, attempts: 0 });
    }
    return this.webhooks.change(this.target(number), waba_id, field, value, tried);
  }

  private target(number: SimulatorNumber | undefined): WebhookTarget {
    const { webhook_url, app_secret } = this.options;
    const usual = typeof webhook_url === 'function' ? webhook_url() : webhook_url;
    return { webhook_url: (number && this.overrides.get(number.waba_id)) ?? usual, app_secret: number?.app_secret ?? app_secret };
  }

  // Life

  /** Runs it after a while, unless the simulator is reset or closed before. */
  later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      run();
    }, ms);
    this.timers.add(timer);
  }

  /** Statuses and webhooks still on their way. */
  get pending(): number {
    return this.timers.size + this.webhooks.pending;
  }

  /** Waits until nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.pending > 0) await new Promise((next) => setTimeout(next, 5));
  }

  /** Forgets messages, customers, media, faults; keeps numbers, templates and options. */
  reset(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    for (const memory of [this.sentById, this.references, this.received, this.lastIncoming, this.bursts, this.buckets, this.opened])
      memory.clear();
    this.faults.clear();
    this.customers.clear();
    this.media.clear();
    this.threads.clear();
  }

  async close(): Promise<void> {
    this.events.close();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    await this.webhooks.close();
    await this.memory?.close();
    this.media.close();
  }
}

/** A customer of a test: `await simulator.customer({ wa_id, name }).writes({ type: 'text', text: 'Oi' })`. */
export class SimulatedCustomer {
  constructor(
    private readonly simulator: GraphSimulator,
    private readonly number: SimulatorNumber,
    readonly identity: Customer,
  ) {}

  async writes(message: CustomerMessage): Promise<{ message_id: string } & Delivery> {
    const { message_id, delivered } = this.simulator.write(this.number, this.identity, message);
    return { message_id, ...(await delivered) };
  }

  /** Opens the chat. */
  reads(): number {
    return this.simulator.read(this.number, this.identity);
  }

  get thread(): ReturnType<Threads['get']> {
    return this.simulator.threads.get(this.number.phone_number_id, this.identity.key);
  }
}

const DEFAULT_MIME: Record<string, string> = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
};

const unknownTemplate: Template = {
  id: '',
  waba_id: '',
  name: '',
  language: '',
  category: 'UTILITY',
  status: 'APPROVED',
  parameter_format: 'POSITIONAL',
  components: [],
  rejected_reason: 'NONE',
  quality_score: { score: 'UNKNOWN' },
};

/** What every new account at Meta has, and one with everything in it. */
function starterTemplates(waba_id: string): Template[] {
  const approved = {
    waba_id,
    status: 'APPROVED',
    parameter_format: 'POSITIONAL',
    rejected_reason: 'NONE',
    quality_score: { score: 'GREEN' },
  } as const;
  return [
    {
      ...approved,
      id: digitsOf(`${waba_id}:hello_world`, 15),
      name: 'hello_world',
      language: 'en_US',
      category: 'UTILITY',
      components: [
        { type: 'HEADER', format: 'TEXT', text: 'Hello World' },
        {
          type: 'BODY',
          text: 'Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification.',
        },
        { type: 'FOOTER', text: 'WhatsApp Business Platform sample message' },
      ],
    },
    {
      ...approved,
      id: digitsOf(`${waba_id}:pedido_pronto`, 15),
      name: 'pedido_pronto',
      language: 'pt_BR',
      category: 'UTILITY',
      components: [
        { type: 'BODY', text: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.', example: { body_text: [['Ana', '1042']] } },
        { type: 'FOOTER', text: 'Padaria Demo' },
        {
          type: 'BUTTONS',
          buttons: [
            { type: 'QUICK_REPLY', text: 'Estou a caminho' },
            { type: 'QUICK_REPLY', text: 'Falar com atendente' },
          ],
        },
      ],
    },
  ];
}

function answerTo(message: OutgoingMessage, customer: Customer, wa_id: string | null, id: string): object {
  const contact = wa_id === null ? { input: message.recipient, user_id: customer.user_id } : { input: message.to, wa_id };
  return {
    messaging_product: 'whatsapp',
    contacts: [contact],
    messages: [{ id, ...(message.type === 'template' ? { message_status: 'accepted' } : {}) }],
  };
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

function wabaIdOf(phone_number_id: string): string {
  return `9991${phone_number_id.slice(4)}`;
}
