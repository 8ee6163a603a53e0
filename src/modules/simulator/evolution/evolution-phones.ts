import type { Customer, CustomerMessage } from '../customer';
import { withMedia } from '../customer-media';
import type { Delivery } from '../deliveries';
import { isObject, listAt, objectAt, stringAt, type JsonObject } from '../json';
import type { MediaStore } from '../media-store';
import type { SentMessages } from '../sent-messages';
import type { SimulatorOptions } from '../simulator-options';
import type { ThreadMessage, Threads } from '../threads';
import { ADDRESSINGS, type Addressing, type Chats, type WaMessage } from './chats';
import type { EvolutionSends } from './evolution-sends';
import type { EvolutionWebhooks } from './evolution-webhooks';
import type { Instance } from './instances';
import { isGroup, jidOf, newPhoneId } from './jid';
import { objectOf, waContacts, waContent, wrapped, type MessageKey, type WaContent } from './wire';

/** WhatsApp's longest text has 65,536 characters. */
const MAX_INCOMING = 128 * 1024;
const WRAPPERS = ['ephemeralMessage', 'viewOnceMessage', 'viewOnceMessageV2', 'viewOnceMessageV2Extension'];
const NOTHING: Delivery = { status_code: 0, attempts: 0 };

/** How a message comes, beside what it says. All optional, all of a QR number alone. */
interface Manner {
  addressing: Addressing;
  /** The person's device, as in `5511987654321:12@s.whatsapp.net`. */
  device: number | undefined;
  /** A group, `status@broadcast` or a newsletter, in place of the chat of the two. */
  chat: string | undefined;
  wrapper: string | undefined;
  /** The webhook goes out so much later. */
  late_ms: number;
  /** Typed by the owner of the linked phone. */
  from_me: boolean;
}

/** The customers' side of the instances. */
export class EvolutionPhones {
  constructor(
    private readonly options: SimulatorOptions,
    private readonly chats: Chats,
    private readonly threads: Threads,
    private readonly media: MediaStore,
    private readonly sends: EvolutionSends,
    private readonly sent: SentMessages,
    private readonly webhooks: EvolutionWebhooks,
  ) {}

  /**
   * Somebody writes to the number, in the words of `Phones.write`; `delivered` resolves when the webhook was taken or given up.
   * @throws {RangeError} no phone is linked, or a kind WhatsApp would not carry.
   */
  write(instance: Instance, customer: Customer, written: CustomerMessage): { message_id: string; delivered: Promise<Delivery> } {
    if (instance.state !== 'open') throw new RangeError(`${instance.name}: no phone is linked to it`);
    const manner = this.mannerOf(written);
    const message = withMedia(this.media, instance.name, written);
    const id = message.id ?? newPhoneId();
    if (id.length > 256 || JSON.stringify(message).length > MAX_INCOMING)
      throw new RangeError('the message is larger than WhatsApp carries');
    const { type } = message;
    if (type === 'edit' || type === 'revoke') return { message_id: id, delivered: this.change(instance, customer, message, manner) };
    if (manner.from_me) return { message_id: id, delivered: this.echo(instance, customer, message, manner, id) };

    const content = message[type];
    const key = this.chats.keyOf(customer, { id, fromMe: false, ...manner });
    const wa = this.contentOf(instance, customer, message, manner);
    const file = this.media.get(stringAt(content, 'id') ?? '');
    const messageTimestamp = message.timestamp ?? Math.floor(Date.now() / 1000);
    const as = { key, pushName: customer.name, status: 'DELIVERY_ACK', messageTimestamp };
    const raw = this.chats.message(instance, wa, as, file?.id ?? null);
    if (manner.chat === undefined) this.show(instance, customer, message, id, messageTimestamp);
    return { message_id: id, delivered: this.deliver(instance, customer, raw, manner) };
  }

  /** What a phone showed before. */
  restore(instance: Instance, customer: Customer, messages: readonly ThreadMessage[]): void {
    for (const message of messages) {
      const fromMe = message.direction === 'business';
      const content = objectOf(message.content);
      const wa = Array.isArray(message.content)
        ? waContacts(message.content)
        : waContent(message.type, content, { keyOf: (id) => this.chats.keyOf(customer, { id, fromMe: !fromMe, addressing: 'plain' }) });
      const key = this.chats.keyOf(customer, { id: message.id, fromMe, addressing: 'plain' });
      const messageTimestamp = Math.floor(Date.parse(message.timestamp) / 1000);
      const as = { key, pushName: fromMe ? 'Você' : customer.name, status: 'DELIVERY_ACK', messageTimestamp };
      this.chats.message(instance, wa, as, stringAt(content, 'id') ?? null);
      if (fromMe) this.sent.restore({ phone_number_id: instance.name }, customer, message);
      this.threads.add(instance.name, customer.key, message);
    }
  }

  /** The business marks messages read: `POST /chat/markMessageAsRead`. */
  markRead(instance: Instance, keys: readonly MessageKey[]): void {
    for (const { remoteJid, id, fromMe } of keys) {
      if (fromMe) continue;
      const customer = this.chats.person(remoteJid);
      if (this.threads.find(instance.name, customer.key, id)?.direction === 'customer')
        this.threads.setStatus(instance.name, customer.key, id, 'read');
    }
  }

  /** @param presence composing, recording, paused, available or unavailable. */
  presence(instance: Instance, customer: Customer, presence: string, addressing?: Addressing): Promise<Delivery> {
    const { remoteJid: id } = this.chats.keyOf(customer, {
      id: '',
      fromMe: false,
      addressing: addressing ?? this.options.evolution.addressing,
    });
    return this.webhooks.tell(instance, 'presence.update', { id, presences: { [id]: { lastKnownPresence: presence } } });
  }

  /** The person took another name or picture. */
  profile(instance: Instance, customer: Customer, picture_url: string | null | undefined): Promise<Delivery> {
    if (picture_url !== undefined) this.chats.setPicture(customer, picture_url);
    return this.webhooks.tell(instance, 'contacts.update', [this.chats.contact(instance, customer).data]);
  }

  private async deliver(instance: Instance, customer: Customer, raw: WaMessage, { chat, late_ms }: Manner): Promise<Delivery> {
    const { groupsIgnore, readStatus } = instance.settings;
    const unheard = chat !== undefined && ((isGroup(chat) && groupsIgnore) || (chat.includes('@broadcast') && !readStatus));
    // Baileys does not even open these.
    if (unheard || chat?.endsWith('@newsletter')) return NOTHING;
    const whole = instance.webhook?.base64 ? await this.chats.withBase64(instance, raw) : raw;
    const poll_vote = raw.messageType === 'pollUpdateMessage' ? { pollUpdates: this.votes(instance, raw) } : {};
    const delivered = this.webhooks.tell(instance, 'messages.upsert', { ...whole, ...poll_vote }, { late_ms });
    if (!chat?.includes('@broadcast')) {
      const { known, data } = this.chats.contact(instance, customer);
      void this.webhooks.tell(instance, known ? 'contacts.update' : 'contacts.upsert', data);
    }
    return delivered;
  }

  private echo(instance: Instance, customer: Customer, message: CustomerMessage, manner: Manner, id: string): Promise<Delivery> {
    const content = message[message.type];
    const { remoteJid } = this.chats.keyOf(customer, { id, fromMe: true, addressing: manner.addressing });
    const raw = this.sends.echo(
      instance,
      customer,
      remoteJid,
      {
        number: remoteJid,
        type: message.type,
        content: Array.isArray(content) ? content.filter(isObject) : objectOf(content),
        quoted_id: message.context?.message_id ?? null,
        delay_ms: 0,
      },
      id,
    );
    return this.webhooks.tell(instance, 'messages.upsert', raw, { late_ms: manner.late_ms });
  }

  /** An edit or a deletion by whoever wrote the message. */
  private change(instance: Instance, customer: Customer, message: CustomerMessage, manner: Manner): Promise<Delivery> {
    const change = objectOf(message[message.type]);
    const original = stringAt(change, 'original_message_id');
    if (!original) throw new RangeError(`${message.type}: original_message_id is missing`);
    const known = this.chats.find(instance, original)?.key;
    const key = known ?? this.chats.keyOf(customer, { id: original, fromMe: manner.from_me, ...manner });
    const after = { late_ms: manner.late_ms };
    if (message.type === 'revoke') {
      this.show(instance, customer, message, newPhoneId(), Math.floor(Date.now() / 1000));
      void this.webhooks.tell(instance, 'messages.edited', { key, type: 'REVOKE' }, after);
      return this.webhooks.tell(instance, 'messages.delete', key, after);
    }
    const edited = objectAt(change, 'message');
    const type = stringAt(edited, 'type') ?? '';
    if (!edited || !isObject(edited[type])) throw new RangeError('edit: message is missing');
    this.show(instance, customer, message, newPhoneId(), Math.floor(Date.now() / 1000));
    const { message: editedMessage } = waContent(type, objectOf(edited[type]), { keyOf: () => key });
    const protocol = { key, type: 'MESSAGE_EDIT', editedMessage, timestampMs: String(Date.now()) };
    const delivered = this.webhooks.tell(instance, 'messages.edited', protocol, after);
    if (this.options.evolution.edit_says_deleted) {
      const { remoteJid, fromMe, id: keyId } = key;
      const data = { keyId, remoteJid, fromMe, participant: remoteJid, status: 'DELETED', instanceId: instance.id };
      void this.webhooks.tell(instance, 'messages.update', data, after);
    }
    return delivered;
  }

  private contentOf(instance: Instance, customer: Customer, message: CustomerMessage, manner: Manner): WaContent {
    const content = message[message.type];
    if (message.type === 'contacts') {
      if (!Array.isArray(content) || !content.length) throw new RangeError('contacts: a list is needed');
      return waContacts(content);
    }
    const plain = message.type === 'text' && typeof content === 'string' ? { body: content } : content;
    if (!isObject(plain) && message.type !== 'unsupported') throw new RangeError(`${message.type}: an object is needed`);
    if (message.type === 'text' && !stringAt(plain, 'body')) throw new RangeError('text: body is missing');
    const quoted = this.chats.find(instance, message.context?.message_id ?? '');
    const file = this.media.get(stringAt(plain, 'id') ?? '');
    const wa = waContent(message.type, objectOf(plain), {
      ...(file ? { file } : {}),
      ...(quoted
        ? {
            quoted: {
              id: quoted.key.id,
              participant: quoted.key.fromMe ? (instance.wuid ?? '') : (jidOf(customer) ?? ''),
              message: quoted.message,
            },
          }
        : {}),
      keyOf: (id) => this.chats.find(instance, id)?.key ?? this.chats.keyOf(customer, { id, fromMe: true, ...manner }),
    });
    return manner.wrapper === undefined ? wa : wrapped(wa, manner.wrapper);
  }

  /** On the person's phone. */
  private show(instance: Instance, customer: Customer, message: CustomerMessage, id: string, seconds: number): void {
    const content = message[message.type];
    this.threads.add(instance.name, customer.key, {
      id,
      direction: 'customer',
      type: message.type,
      content: typeof content === 'string' ? { body: content } : content,
      context_message_id: message.context?.message_id ?? null,
      timestamp: new Date(seconds * 1000).toISOString(),
      status: 'sent',
    });
  }

  /** Evolution opens the vote and counts it. */
  private votes(instance: Instance, raw: WaMessage): JsonObject[] {
    const vote = objectAt(raw.message, 'pollUpdateMessage');
    const poll = this.chats.find(instance, stringAt(objectAt(vote, 'pollCreationMessageKey'), 'id') ?? '');
    const chosen = listAt(objectAt(vote, 'vote'), 'selectedOptions');
    return listAt(objectAt(poll?.message, 'pollCreationMessageV3'), 'options').map((option) => {
      const name = stringAt(option, 'optionName') ?? '';
      return { name, voters: chosen.includes(name) ? [raw.key.remoteJid] : [] };
    });
  }

  private mannerOf(message: CustomerMessage): Manner {
    const { addressing, device, chat, wrapper, late_ms, from_me } = message;
    const chosen = ADDRESSINGS.find((known) => known === addressing);
    if (addressing !== undefined && !chosen) throw new RangeError(`addressing: one of ${ADDRESSINGS.join(', ')}`);
    if (wrapper !== undefined && !(typeof wrapper === 'string' && WRAPPERS.includes(wrapper)))
      throw new RangeError(`wrapper: one of ${WRAPPERS.join(', ')}`);
    if (chat !== undefined && !(typeof chat === 'string' && /^([\d-]{5,40}@(g\.us|newsletter)|status@broadcast)$/.test(chat)))
      throw new RangeError('chat: a group (…@g.us), a newsletter (…@newsletter) or status@broadcast');
    return {
      addressing: chosen ?? this.options.evolution.addressing,
      device: typeof device === 'number' && Number.isInteger(device) && device >= 0 && device < 100 ? device : undefined,
      chat: typeof chat === 'string' ? chat : undefined,
      wrapper: typeof wrapper === 'string' ? wrapper : undefined,
      late_ms: typeof late_ms === 'number' && late_ms > 0 ? Math.min(late_ms, 3_600_000) : 0,
      from_me: from_me === true,
    };
  }
}
