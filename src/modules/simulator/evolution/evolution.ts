import type { Customers } from '../customer';
import type { Faults } from '../faults';
import type { MediaStore } from '../media-store';
import type { SentMessages } from '../sent-messages';
import type { SimulatorOptions } from '../simulator-options';
import type { Threads } from '../threads';
import { Chats } from './chats';
import { Connections } from './connections';
import { badRequest } from './evolution-error';
import { EvolutionPhones } from './evolution-phones';
import { EvolutionSends } from './evolution-sends';
import { EVENT_NAMES, EvolutionWebhooks } from './evolution-webhooks';
import { Instances, nameTaken, type GivenWebhook, type Instance } from './instances';
import { createJid, phoneOf } from './jid';

/** An instance as the page shows it beside the numbers of Meta. */
export interface QrLine {
  /** The instance's name: threads and control routes know it by it. */
  phone_number_id: string;
  display_phone_number: string;
  verified_name: string;
  qrcode: {
    state: Instance['state'];
    /** Which QR code is shown; 0: none. */
    count: number;
    /** Who is expected to scan it. */
    number: string;
  };
}

/** A fake Evolution API 2.3: instances that a phone is linked to by QR code, between the same customers as the fake Meta. */
export class Evolution {
  readonly instances = new Instances();
  readonly webhooks: EvolutionWebhooks;
  readonly connections: Connections;
  readonly chats: Chats;
  readonly sends: EvolutionSends;
  readonly phones: EvolutionPhones;

  constructor(
    readonly options: SimulatorOptions,
    customers: Customers,
    private readonly threads: Threads,
    media: MediaStore,
    readonly faults: Faults,
    sent: SentMessages,
    /** Hears of every line that comes, changes or goes. */
    private readonly changed: (line: QrLine, exists: boolean) => void,
  ) {
    const webhooks = (this.webhooks = new EvolutionWebhooks((url) => this.placeOf(url)));
    this.connections = new Connections(options, this.instances, webhooks, (instance) => this.show(instance));
    this.chats = new Chats(customers, media);
    this.sends = new EvolutionSends(options, this.chats, media, faults, sent, webhooks);
    this.phones = new EvolutionPhones(options, this.chats, threads, media, this.sends, sent, webhooks);
  }

  find(name: string): Instance | undefined {
    return this.instances.find(name);
  }

  lines(): QrLine[] {
    return this.instances.all().map(qrLine);
  }

  /** @throws {EvolutionError} 403 the name is taken, 400 not an address for webhooks. */
  create(given: Parameters<Instances['add']>[0], webhook: GivenWebhook | undefined): Instance {
    // A number of Meta answers to that name here.
    if (this.options.accepts(given.name)) throw nameTaken(given.name);
    const instance = this.instances.add(given);
    try {
      if (webhook) this.setWebhook(instance, webhook);
    } catch (error) {
      this.instances.delete(instance.name);
      throw error;
    }
    void this.webhooks.tell(instance, 'instance.create', { instanceName: instance.name, instanceId: instance.id });
    this.show(instance);
    return instance;
  }

  /** The business types to somebody. */
  typing(instance: Instance, number: string): void {
    this.threads.typing(instance.name, this.chats.person(createJid(number)).key);
  }

  /** @throws {EvolutionError} 400 not an address for webhooks. */
  setWebhook(instance: Instance, given: GivenWebhook): void {
    if (!/^https?:\/\//.test(given.url) || this.placeOf(given.url) === null) throw badRequest('Invalid "url" property');
    const { enabled, url, headers, byEvents, base64, events } = given;
    const chosen = !enabled ? [] : events?.length ? events : [...EVENT_NAMES];
    instance.webhook = {
      enabled,
      url,
      headers: headers ?? {},
      byEvents: byEvents ?? false,
      base64: base64 ?? false,
      events: chosen,
    };
    this.show(instance);
  }

  /** As an earlier process left it: a linked phone stays linked, a QR code is gone. */
  restore(instance: Instance): void {
    this.instances.restore({ ...instance, state: instance.state === 'open' ? 'open' : 'close', qr: null, qr_count: 0 });
  }

  clear(): void {
    this.chats.clear();
  }

  async close(): Promise<void> {
    this.connections.close();
    await this.webhooks.close();
  }

  private show(instance: Instance): void {
    this.changed(qrLine(instance), this.instances.find(instance.name) === instance);
  }

  /** Where a webhook really goes; null: nowhere. A locked simulator posts to the receipt of its own product only, whatever name that has outside. */
  private placeOf(url: string): string | null {
    const { locked, webhook_url } = this.options;
    if (!URL.canParse(url)) return null;
    if (!locked) return url;
    const own = typeof webhook_url === 'function' ? webhook_url() : webhook_url;
    const { pathname } = new URL(url);
    return own !== null && pathname.startsWith(`${new URL(own).pathname}/evolution/`) ? new URL(pathname, own).href : null;
  }
}

export function qrLine(instance: Instance): QrLine {
  const { name, wuid, profile_name, state, qr, qr_count, number } = instance;
  const digits = wuid === null ? null : phoneOf(wuid);
  return {
    phone_number_id: name,
    display_phone_number: digits === null ? '' : `+${digits}`,
    verified_name: profile_name ?? name,
    // Where the creator named nobody, the name often ends with the number.
    qrcode: { state, count: qr ? qr_count : 0, number: number ?? /\d{10,15}$/.exec(name)?.[0] ?? '' },
  };
}
