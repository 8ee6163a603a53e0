import { readFile } from 'node:fs/promises';
import { Bounded } from '#common/bounded';
import type { Customer, Customers } from '../customer';
import type { JsonObject } from '../json';
import type { MediaStore, StoredMedia } from '../media-store';
import type { Instance } from './instances';
import { isLid, jidOf, lidOf, phoneOf, sourceOf } from './jid';
import type { MessageKey, WaContent } from './wire';

/** How a chat names its person; the versions of Baileys differ, and so do the people. */
export const ADDRESSINGS = ['pn', 'lid', 'lid_only', 'plain'] as const;
export type Addressing = (typeof ADDRESSINGS)[number];

/** A message as Evolution keeps and tells it. */
export interface WaMessage extends WaContent {
  key: MessageKey;
  pushName: string | null;
  status: string;
  messageTimestamp: number;
  instanceId: string;
  source: string;
}

interface Kept {
  message: WaMessage;
  media_id: string | null;
}

const MAX_MESSAGES = 100_000;
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_PEOPLE = 50_000;

/** What Evolution's database holds: messages by their ids, people by their numbers and LIDs. */
export class Chats {
  private readonly kept = new Bounded<string, Kept>(
    { count: MAX_MESSAGES, bytes: MAX_BYTES },
    ({ message }) => JSON.stringify(message).length,
  );
  private readonly byLid = new Bounded<string, string>({ count: MAX_PEOPLE });
  /** Whom an instance has a contact for. */
  private readonly contacts = new Bounded<string, true>({ count: MAX_PEOPLE });
  private readonly pictures = new Bounded<string, string>({ count: MAX_PEOPLE });
  /** Phones without WhatsApp. */
  private readonly absent = new Bounded<string, true>({ count: MAX_PEOPLE });

  constructor(
    private readonly customers: Customers,
    private readonly media: MediaStore,
  ) {}

  message(
    instance: Instance,
    content: WaContent,
    of: Pick<WaMessage, 'key' | 'pushName' | 'status' | 'messageTimestamp'>,
    media_id: string | null,
  ): WaMessage {
    const message = { ...of, ...content, instanceId: instance.id, source: sourceOf(of.key.id) };
    this.kept.set(`${instance.id} ${of.key.id}`, { message, media_id });
    return message;
  }

  find(instance: Instance, id: string): WaMessage | undefined {
    return this.kept.get(`${instance.id} ${id}`)?.message;
  }

  fileOf(instance: Instance, id: string): StoredMedia | undefined {
    const media_id = this.kept.get(`${instance.id} ${id}`)?.media_id;
    return typeof media_id === 'string' ? this.media.get(media_id) : undefined;
  }

  /** The message with its file in it, where there is one. */
  async withBase64(instance: Instance, message: WaMessage): Promise<WaMessage> {
    const file = this.fileOf(instance, message.key.id);
    if (!file) return message;
    const bytes = await readFile(file.path).catch(() => undefined);
    return bytes ? { ...message, message: { ...message.message, base64: bytes.toString('base64') } } : message;
  }

  /** The key of a message in the chat with this person. */
  keyOf(customer: Customer, as: { id: string; fromMe: boolean; addressing: Addressing; device?: number; chat?: string }): MessageKey {
    const { id, fromMe, device, chat } = as;
    const lid = this.lidOf(customer);
    const phone = customer.phone_hidden ? null : jidOf(customer);
    const known = phone === null || device === undefined ? phone : phone.replace('@', `:${device}@`);
    const addressing = known === null ? 'lid_only' : as.addressing;
    // In a group and a status the chat is the group's, and the person its participant.
    const [own, alt] = chat === undefined ? (['remoteJid', 'remoteJidAlt'] as const) : (['participant', 'participantAlt'] as const);
    const named: Pick<MessageKey, 'remoteJid'> = { remoteJid: chat ?? '' };
    const shared = { ...named, fromMe, id };
    if (addressing === 'plain') return { ...shared, [own]: known ?? lid };
    if (addressing === 'pn') return { ...shared, [own]: known ?? lid, [alt]: lid, addressingMode: 'pn' };
    if (addressing === 'lid') return { ...shared, [own]: lid, [alt]: known ?? undefined, addressingMode: 'lid' };
    return { ...shared, [own]: lid, addressingMode: 'lid' };
  }

  /** Whom a JID means. */
  person(jid: string): Customer {
    if (!isLid(jid)) return this.customers.recipient(phoneOf(jid) ?? jid.replace(/\D/g, ''), null);
    const key = this.byLid.get(jid);
    return (key === undefined ? undefined : this.customers.find(key)) ?? this.customers.recipient(null, `ZZ.${jid.split('@')[0] ?? ''}`);
  }

  lidOf(customer: Customer): string {
    const lid = lidOf(customer);
    this.byLid.set(lid, customer.key);
    return lid;
  }

  /** What `contacts.update` says of a person, and whether the instance knew them before. */
  contact(instance: Instance, customer: Customer): { known: boolean; data: JsonObject } {
    const remoteJid = (customer.phone_hidden ? null : jidOf(customer)) ?? this.lidOf(customer);
    const key = `${instance.id} ${remoteJid}`;
    const known = this.contacts.has(key);
    this.contacts.set(key, true);
    return { known, data: { remoteJid, pushName: customer.name, profilePicUrl: this.picture(remoteJid), instanceId: instance.id } };
  }

  picture(jid: string): string | null {
    return this.pictures.get(jid) ?? null;
  }

  setPicture(customer: Customer, url: string | null): void {
    for (const jid of [jidOf(customer), this.lidOf(customer)]) {
      if (jid === null) continue;
      if (url === null) this.pictures.delete(jid);
      else this.pictures.set(jid, url);
    }
  }

  isAbsent(jid: string): boolean {
    return this.absent.has(jid);
  }

  setAbsent(jid: string, absent: boolean): void {
    if (absent) this.absent.set(jid, true);
    else this.absent.delete(jid);
  }

  clear(): void {
    for (const memory of [this.kept, this.byLid, this.contacts, this.pictures, this.absent]) memory.clear();
  }
}
