import { Bounded } from '#common/bounded';
import type { StatusName } from './faults';
import { isObject, listAt, objectAt, stringAt, type JsonObject } from './json';

/** A bubble on the customer's phone. */
export interface ThreadMessage {
  id: string;
  direction: 'business' | 'customer';
  type: string;
  /** The object named by the type, as it was sent. */
  content: unknown;
  /** A template as the customer reads it. */
  rendered?: JsonObject;
  context_message_id: string | null;
  timestamp: string;
  /** Of a business message: how far it came. Of a customer's: `read` once the business read it. */
  status: 'accepted' | StatusName;
  error_code?: number;
  reaction?: { by: 'business' | 'customer'; emoji: string };
  edited?: boolean;
  deleted?: boolean;
}

export interface Thread {
  phone_number_id: string;
  /** The customer's key. */
  customer: string;
  messages: ThreadMessage[];
}

interface SizedThread extends Thread {
  /** About what the messages take in memory. */
  bytes: number;
}

export interface PhoneEvent {
  event: 'message' | 'status' | 'updated' | 'typing' | 'reset';
  phone_number_id: string;
  customer: string;
  data: unknown;
}

const MAX_THREADS = 5_000;
const MAX_MESSAGES = 300;
const MAX_BYTES = 64 * 1024 * 1024;
/** How much of it is worth a place on the disk. */
const LATEST = { threads: 100, bytes: 8 * 1024 * 1024 };
/** A flag of a region is 28 UTF-16 units long. */
const MAX_EMOJI = 32;

/** What the customers' phones show; `tell` hears of every change. The oldest threads and bubbles go first. */
export class Threads {
  private readonly threads = new Bounded<string, SizedThread>({ count: MAX_THREADS, bytes: MAX_BYTES }, ({ bytes }) => bytes);

  constructor(private readonly tell: (event: PhoneEvent) => void) {}

  get(phone_number_id: string, customer: string): Thread {
    const { messages } = this.threads.get(`${phone_number_id} ${customer}`) ?? { messages: [] };
    return { phone_number_id, customer, messages };
  }

  /** The threads spoken in last, the very last at the end. */
  latest(): Thread[] {
    const latest: Thread[] = [];
    let room = LATEST.bytes;
    for (const { bytes, ...thread } of [...this.threads.values()].slice(-LATEST.threads).toReversed())
      if ((room -= bytes) >= 0) latest.unshift(thread);
    return latest;
  }

  find(phone_number_id: string, customer: string, id: string): ThreadMessage | undefined {
    return this.get(phone_number_id, customer).messages.find((message) => message.id === id);
  }

  add(phone_number_id: string, customer: string, message: ThreadMessage): void {
    const key = `${phone_number_id} ${customer}`;
    const thread = this.threads.get(key) ?? { phone_number_id, customer, messages: [], bytes: 0 };
    if (thread.messages.some((known) => known.id === message.id)) return;
    // Taken out while it changes: what was spoken in last is the newest, at its new size.
    this.threads.delete(key);
    const changed = this.applyToEarlier(thread, message);
    if (!changed) {
      thread.messages.push(message);
      thread.bytes += sizeOf(message);
    }
    const oldest = thread.messages.length > MAX_MESSAGES ? thread.messages.shift() : undefined;
    if (oldest) thread.bytes -= sizeOf(oldest);
    this.threads.set(key, thread);
    if (!changed) this.tell({ event: 'message', phone_number_id, customer, data: message });
  }

  setStatus(phone_number_id: string, customer: string, id: string, status: ThreadMessage['status'], error_code?: number): void {
    const message = this.find(phone_number_id, customer, id);
    if (!message) return;
    message.status = status;
    if (error_code !== undefined) message.error_code = error_code;
    this.tell({ event: 'status', phone_number_id, customer, data: { id, status, error_code } });
  }

  typing(phone_number_id: string, customer: string): void {
    this.tell({ event: 'typing', phone_number_id, customer, data: {} });
  }

  clear(): void {
    this.threads.clear();
    this.tell({ event: 'reset', phone_number_id: '', customer: '', data: {} });
  }

  /** A reaction, an edit and a revoke change a bubble instead of making one. */
  private applyToEarlier(thread: SizedThread, message: ThreadMessage): boolean {
    const content = isObject(message.content) ? message.content : {};
    const target = thread.messages.find((m) => m.id === (stringAt(content, 'message_id') ?? stringAt(content, 'original_message_id')));
    if (!['reaction', 'edit', 'revoke'].includes(message.type)) return false;
    if (!target) return true;
    if (message.type === 'reaction') {
      const emoji = stringAt(content, 'emoji');
      if (emoji) target.reaction = { by: message.direction, emoji: emoji.slice(0, MAX_EMOJI) };
      else delete target.reaction;
    } else if (message.type === 'revoke') target.deleted = true;
    else {
      const edit = objectAt(content, 'message');
      thread.bytes -= sizeOf(target);
      target.content = edit?.[stringAt(edit, 'type') ?? ''] ?? target.content;
      thread.bytes += sizeOf(target);
      target.edited = true;
    }
    this.tell({ event: 'updated', phone_number_id: thread.phone_number_id, customer: thread.customer, data: target });
    return true;
  }
}

const sizeOf = ({ content, rendered }: ThreadMessage): number => JSON.stringify([content, rendered]).length + 500;

/** The media ids a message shows: its own, its header's, its template's. */
export function mediaIdsOf(type: string, content: unknown): string[] {
  const parts = [content, ...['image', 'video', 'document'].map((kind) => objectAt(objectAt(content, 'header'), kind))];
  for (const component of listAt(content, 'components')) {
    for (const parameter of listAt(component, 'parameters')) {
      parts.push(...['image', 'video', 'document'].map((kind) => objectAt(parameter, kind)));
    }
  }
  return type === 'contacts' ? [] : parts.map((part) => stringAt(part, 'id')).filter((id) => id !== undefined);
}
