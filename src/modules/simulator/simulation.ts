import { join } from 'node:path';
import { AccountTemplates } from './account-templates';
import { Accounts } from './accounts';
import { Clock } from './clock';
import { Customers, type Customer, type CustomerIdentity, type CustomerMessage } from './customer';
import type { Delivery } from './deliveries';
import { EventStreams } from './event-streams';
import { Evolution } from './evolution/evolution';
import { Faults, type StatusName } from './faults';
import { noSuchObject } from './graph-error';
import { stringAt } from './json';
import { MediaStore } from './media-store';
import { BSUID } from './message-rules';
import { PhoneMemory, type Memory } from './phone-memory';
import { Phones } from './phones';
import { Send, type SendOutcome } from './send';
import { SentMessages } from './sent-messages';
import { optionsOf, type SimulatorNumber, type SimulatorOptions, type SimulatorSettings } from './simulator-options';
import { Threads, type Thread } from './threads';
import { Updates } from './updates';
import { WebhookSender } from './webhook-sender';
import { Windows } from './windows';

/** A number on the phones, Meta's or linked by QR code. */
export interface Line {
  phone_number_id: string;
  write: (customer: Customer, message: CustomerMessage) => { message_id: string; delivered: Promise<Delivery> };
}

/**
 * A fake Meta: the senders' side, the webhooks a receiver gets, and the customers between them.
 * Everything is in memory and bounded; with a `data_dir` what the phones showed last survives it.
 */
export class Simulation {
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
  /** The other way to WhatsApp, for the same phones. */
  readonly evolution: Evolution;

  private readonly memory: PhoneMemory | undefined;
  private readonly clock = new Clock();
  private readonly accounts: Accounts;
  private readonly updates: Updates;
  private readonly accountTemplates: AccountTemplates;
  private readonly windows: Windows;
  private readonly sentMessages: SentMessages;
  private readonly sending: Send;
  private readonly phones: Phones;

  constructor(settings: SimulatorSettings = {}) {
    const { customers, faults, threads, clock } = this;
    const options = (this.options = optionsOf(settings));
    const { data_dir } = options;
    const media = (this.media = new MediaStore(data_dir && join(data_dir, 'media')));
    this.accounts = new Accounts(options, ({ waba_id }) => this.accountTemplates.stock(waba_id));
    const updates = (this.updates = new Updates(options, this.accounts, this.webhooks));
    this.accountTemplates = new AccountTemplates(options, updates, clock);
    const windows = (this.windows = new Windows(options));
    const sent = (this.sentMessages = new SentMessages(
      options,
      threads,
      (message, customer, step) => {
        const instance = this.evolution.find(message.phone_number_id);
        if (instance) return this.evolution.sends.tellStatus(instance, message, step);
        const number = this.findNumber(message.phone_number_id);
        return number ? updates.tellStatus(number, message, customer, step) : Promise.resolve();
      },
      clock,
    ));
    this.evolution = new Evolution(options, customers, threads, media, faults, sent, (line, exists) => {
      this.events.tell('line', { ...line, exists });
      this.memory?.changed();
    });
    this.sending = new Send(options, customers, this.accountTemplates, media, faults, windows, sent);
    this.phones = new Phones(options, customers, threads, media, windows, sent, updates);
    for (const number of options.numbers) this.addNumber(number);
    if (data_dir !== undefined) {
      this.memory = new PhoneMemory(join(data_dir, 'phones.json'), () => this.remembered());
      this.recall(this.memory);
    }
  }

  get numbers(): SimulatorNumber[] {
    return this.accounts.numbers;
  }

  /** @throws {RangeError} neither a number of Meta nor an instance of Evolution. */
  line(id: string | undefined): Line {
    const instance = id === undefined ? undefined : this.evolution.find(id);
    if (instance)
      return { phone_number_id: instance.name, write: (customer, message) => this.evolution.phones.write(instance, customer, message) };
    const number = this.number(id);
    return { phone_number_id: number.phone_number_id, write: (customer, message) => this.write(number, customer, message) };
  }

  readonly number: Accounts['get'] = (id) => this.accounts.get(id);
  readonly findNumber: Accounts['find'] = (id) => this.accounts.find(id);
  readonly addNumber: Accounts['add'] = (number) => this.accounts.add(number);
  readonly numbersOf: Accounts['numbersOf'] = (waba_id) => this.accounts.numbersOf(waba_id);
  readonly profile: Accounts['profile'] = (id) => this.accounts.profile(id);
  readonly setProfile: Accounts['setProfile'] = (id, fields) => this.accounts.setProfile(id, fields);
  readonly subscription: Accounts['subscription'] = (waba_id) => this.accounts.subscription(waba_id);
  readonly subscribe: Accounts['subscribe'] = (...given) => this.accounts.subscribe(...given);

  readonly templates: AccountTemplates['of'] = (waba_id) => this.accountTemplates.of(waba_id);
  readonly template: AccountTemplates['get'] = (id) => this.accountTemplates.get(id);
  readonly createTemplate: AccountTemplates['create'] = (waba_id, body) => this.accountTemplates.create(waba_id, body);
  readonly editTemplate: AccountTemplates['edit'] = (template, body) => this.accountTemplates.edit(template, body);
  readonly deleteTemplates: AccountTemplates['delete'] = (...given) => this.accountTemplates.delete(...given);
  readonly changeTemplate: AccountTemplates['change'] = (...given) => this.accountTemplates.change(...given);
  readonly openUpload: AccountTemplates['openUpload'] = (file_length) => this.accountTemplates.openUpload(file_length);
  readonly closeUpload: AccountTemplates['closeUpload'] = (...given) => this.accountTemplates.closeUpload(...given);
  readonly setTemplateStatus: AccountTemplates['setStatus'] = (...given) => this.accountTemplates.setStatus(...given);

  readonly sent: SentMessages['list'] = (filter) => this.sentMessages.list(filter);
  readonly acceptedPerReference: SentMessages['perReference'] = () => this.sentMessages.perReference();
  readonly write: Phones['write'] = (...given) => this.phones.write(...given);
  readonly read: SentMessages['read'] = (...given) => this.sentMessages.read(...given);
  readonly openWindow: Windows['open'] = (...given) => this.windows.open(...given);
  readonly closeWindow: Windows['close'] = (...given) => this.windows.close(...given);
  readonly tell: Updates['tell'] = (...given) => this.updates.tell(...given);
  readonly postWebhook: Updates['post'] = (payload) => this.updates.post(payload);

  /**
   * What `POST /{phone_number_id}/messages` does.
   * @throws {GraphError} what Meta refuses, or a fault ordered for this call.
   */
  send(phone_number_id: string, input: unknown): SendOutcome {
    const number = this.findNumber(phone_number_id);
    if (!number) throw noSuchObject('POST', phone_number_id);
    if (stringAt(input, 'status') !== undefined) return { answer: this.phones.receipt(number, input), fault: undefined };
    return this.sending.send(number, input);
  }

  /** A step of the way of what was sent, out of turn. @throws {RangeError} nothing was sent under this id. */
  async setStatus(id: string, status: StatusName): Promise<void> {
    const sent = this.sentMessages.get(id);
    if (!sent) throw new RangeError(`message_id: nothing was sent as ${id}`);
    const step = { status, error: undefined, moment: Date.now(), to_phone: sent.to !== null, category: undefined };
    await this.sentMessages.step(this.customerOf(sent.customer), sent, step);
  }

  customer(identity: CustomerIdentity, phone_number_id?: string): SimulatedCustomer {
    return new SimulatedCustomer(this, this.line(phone_number_id), this.customers.know(identity));
  }

  /** What a phone showed before: with an earlier process, or before the demo began. */
  restore({ phone_number_id, messages }: Thread, customer: Customer): void {
    this.phones.restore(this.number(phone_number_id), customer, messages);
  }

  /** Statuses and webhooks still on their way. */
  get pending(): number {
    return this.clock.pending + this.webhooks.pending + this.evolution.webhooks.pending;
  }

  /** Waits until nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.pending > 0) await new Promise((next) => setTimeout(next, 5));
  }

  /** Forgets messages, customers, media, faults; keeps numbers, instances, templates and options. */
  reset(): void {
    for (const part of [
      this.clock,
      this.sentMessages,
      this.phones,
      this.windows,
      this.sending,
      this.faults,
      this.customers,
      this.media,
      this.threads,
      this.evolution,
    ])
      part.clear();
  }

  async close(): Promise<void> {
    this.events.close();
    this.clock.clear();
    await this.webhooks.close();
    await this.evolution.close();
    await this.memory?.close();
    this.media.close();
  }

  private recall(memory: PhoneMemory): void {
    const { threads, customers, media, instances } = memory.recall();
    this.media.restore(media);
    for (const instance of instances) this.evolution.restore(instance);
    for (const customer of customers) this.customers.keep(customer);
    for (const thread of threads) {
      const customer = this.customerOf(thread.customer);
      const instance = this.evolution.find(thread.phone_number_id);
      if (instance) this.evolution.phones.restore(instance, customer, thread.messages);
      else if (this.findNumber(thread.phone_number_id)) this.restore(thread, customer);
    }
  }

  /** By the key. Who never wrote is not among the customers. */
  private customerOf(key: string): Customer {
    return this.customers.find(key) ?? (BSUID.test(key) ? this.customers.recipient(null, key) : this.customers.recipient(key, null));
  }

  private remembered(): Memory {
    const threads = this.threads.latest();
    const customers = threads.map((thread) => this.customers.find(thread.customer)).filter((customer) => customer !== undefined);
    return { threads, customers: [...new Set(customers)], media: this.media.kept(), instances: this.evolution.instances.all() };
  }
}

/** A customer of a test: `await simulator.customer({ wa_id, name }).writes({ type: 'text', text: 'Oi' })`. */
export class SimulatedCustomer {
  constructor(
    private readonly simulation: Simulation,
    private readonly line: Line,
    readonly identity: Customer,
  ) {}

  async writes(message: CustomerMessage): Promise<{ message_id: string } & Delivery> {
    const { message_id, delivered } = this.line.write(this.identity, message);
    return { message_id, ...(await delivered) };
  }

  /** Opens the chat. */
  reads(): number {
    return this.simulation.read(this.line, this.identity);
  }

  get thread(): ReturnType<Threads['get']> {
    return this.simulation.threads.get(this.line.phone_number_id, this.identity.key);
  }
}
