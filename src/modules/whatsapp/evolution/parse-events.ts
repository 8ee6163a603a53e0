import type {
  ConnectionUpdate,
  Echo,
  Ignored,
  Inbound,
  InboundEdit,
  InboundMessage,
  InboundReaction,
  InboundRevoke,
  Origin,
  PairingCodeUpdate,
  ParsedChange,
  PersonIds,
  Poison,
  Presence,
  ProfileUpdate,
  StatusUpdate,
} from '../parsed-change';
import { type Json, asId, asList, asName, asNumber, asObject, asTime, asWords, cleanJson, isObject } from '../wire';
import { attempt, ignored, poison } from '../unread';
import { personOf, personOfKey } from './jids';
import { messageContent, unwrap } from './message-content';

/** A webhook of Evolution as our door keeps it. */
export interface KeptEvent {
  /** Lower case with dots. */
  event: string;
  /** Unix milliseconds. Evolution's own `date_time` is local time with a false Z, and most events have no other. */
  received_at: number;
  data: unknown;
}

/** An id that fits everywhere it is kept; those of WhatsApp Web have 32 characters at most. */
const MAX_KEY_ID = 64;

/** `MESSAGES_UPSERT`, `messages-upsert` and `messages.upsert` are one. */
export const eventName = (name: string): string => name.toLowerCase().replace(/[_-]/g, '.');

type Reader = (item: Json, at: Origin, received: Date) => ParsedChange;

const READERS: Readonly<Record<string, Reader>> = {
  'messages.upsert': message,
  'send.message': message,
  'messages.update': update,
  'messages.edited': edited,
  'messages.delete': deleted,
  'connection.update': connection,
  'qrcode.updated': pairingCode,
  'contacts.upsert': profile,
  'contacts.update': profile,
  'presence.update': presence,
  'status.instance': gone,
  'logout.instance': gone,
  'remove.instance': gone,
  'instance.delete': gone,
};

/** Whether anything is read of an event. */
export const isRead = (event: string): boolean => Object.hasOwn(READERS, event);

/**
 * One webhook of Evolution as typed items, in its order: `count` of them after the first `from`. Never throws: what cannot be read becomes `poison` in its
 * place.
 */
export function parseEvents(kept: unknown, { from, count } = { from: 0, count: Infinity }): ParsedChange[] {
  const root: Origin = { phone_number_id: null, waba_id: null, field: '', path: '' };
  const event = asObject(kept);
  const field = asWords(event?.event, 64);
  if (event === null || field === null) return from > 0 ? [] : [poison(root, 'not_an_object', kept)];
  const reader = Object.hasOwn(READERS, field) ? READERS[field] : null;
  const received = new Date(asNumber(event.received_at) ?? Date.now());
  const items = Array.isArray(event.data) ? (event.data as unknown[]) : [event.data];
  return items.slice(from, from + count).map((item, n) => {
    const at: Origin = { ...root, field, path: `data[${from + n}]` };
    if (!reader) return ignored(at, 'field_not_used');
    // Of what happens to an instance Evolution says nothing more.
    const told = item ?? {};
    if (!isObject(told)) return poison(at, 'not_an_object', item);
    return attempt(at, told, () => reader(told, at, received));
  });
}

type Told = InboundMessage | InboundReaction | InboundEdit | InboundRevoke;

/** Typed on the phone, or sent by the API: ours. */
const byUs = (event: Told): Echo => ({
  phone_number_id: null,
  waba_id: null,
  field: event.field,
  path: event.path,
  kind: 'echo',
  provider_id: event.provider_id,
  timestamp: event.timestamp,
  event,
});

const keyId = (id: unknown): string | null => {
  const known = asId(id);
  return known !== null && known.length <= MAX_KEY_ID ? known : null;
};

/** What every item about a message has; `ids` as the key names the chat's person. */
function headOf(at: Origin, key: Json, timestamp: Date, item: Json): Inbound | Poison | Ignored {
  const provider_id = keyId(key.id);
  if (provider_id === null) return poison(at, 'bad_id', item);
  const ids = personOfKey(key);
  if (ids === null) return ignored(at, 'not_a_person');
  return { ...at, provider_id, timestamp, ids, profile_name: null, username: null, group_id: null };
}

/** Seconds, sometimes as the halves of a 64-bit number. */
const timeOf = (value: unknown): Date | null => asTime(asObject(value)?.low ?? value);

const ofMilliseconds = (value: unknown): Date | null => {
  const ms = asNumber(asObject(value)?.low === undefined ? value : null);
  return ms === null ? null : asTime(Math.floor(ms / 1000));
};

function message(item: Json, at: Origin, received: Date): ParsedChange {
  const key = asObject(item.key) ?? {};
  const head = headOf(at, key, timeOf(item.messageTimestamp) ?? received, item);
  if ('kind' in head) return head;
  const from_us = key.fromMe === true;
  // Of our own messages it is our name.
  if (!from_us) head.profile_name = asName(item.pushName, 255);
  const told = eventOf(at, head, item);
  return from_us && told.kind !== 'poison' && told.kind !== 'ignored' ? byUs(told) : told;
}

function eventOf(at: Origin, head: Inbound, item: Json): Told | Poison | Ignored {
  const body = unwrap(asObject(item.message));
  const protocol = asObject(body.protocolMessage);
  if (protocol) return protocolOf(at, head, protocol, item);
  const reaction = asObject(body.reactionMessage);
  if (reaction) {
    const target_provider_id = keyId(asObject(reaction.key)?.id);
    if (target_provider_id === null) return poison(at, 'no_target', item);
    return { ...head, kind: 'reaction', target_provider_id, emoji: asWords(reaction.text, 64) };
  }
  const content = messageContent(body, { provider_id: head.provider_id, kept: asWords(asObject(item.message)?.base64, 64) });
  if (content === null) return ignored(at, 'empty');
  const { context, ...rest } = content;
  const around = { ...asObject(item.contextInfo), ...context };
  const ad = asObject(around.externalAdReply);
  const from_ad = ad !== null && (ad.sourceType === 'ad' || asWords(ad.ctwaClid) !== null);
  if (from_ad)
    rest.payload.referral = cleanJson({
      source_url: asWords(ad.sourceUrl, 2_048),
      source_id: asWords(ad.sourceId, 255),
      source_type: asWords(ad.sourceType, 64),
      headline: asWords(ad.title),
      body: asWords(ad.body, 4_096),
      ctwa_clid: asWords(ad.ctwaClid),
    });
  return {
    ...head,
    ...rest,
    kind: 'message',
    reply_to_provider_id: keyId(around.stanzaId),
    forwarded: around.isForwarded === true || (asNumber(around.forwardingScore) ?? 0) > 0,
    from_ad,
  };
}

/** Baileys writes the type as a word or as its number. */
const isType = (type: unknown, word: string, number: number): boolean => type === word || type === number;

function protocolOf(at: Origin, head: Inbound, protocol: Json, item: Json): Told | Poison | Ignored {
  const original_provider_id = keyId(asObject(protocol.key)?.id);
  // Protobuf leaves the zero out.
  if (isType(protocol.type ?? 0, 'REVOKE', 0))
    return original_provider_id === null ? ignored(at, 'empty') : { ...head, kind: 'revoke', original_provider_id };
  if (!isType(protocol.type, 'MESSAGE_EDIT', 14)) return ignored(at, 'empty');
  if (original_provider_id === null) return poison(at, 'no_target', item);
  return editOf(head, original_provider_id, protocol);
}

/** Their text alone can be edited, and what stands under their files. */
function editOf(head: Inbound, original_provider_id: string, protocol: Json): InboundEdit {
  const {
    context: _,
    media: __,
    ...content
  } = messageContent(unwrap(asObject(protocol.editedMessage)), {
    provider_id: original_provider_id,
    kept: null,
  }) ?? { context: null, message_type: 'unsupported' as const, content: null, payload: {} };
  const timestamp = ofMilliseconds(protocol.timestampMs) ?? head.timestamp;
  return { ...head, ...content, kind: 'edit', provider_id: original_provider_id, timestamp, original_provider_id };
}

function edited(item: Json, at: Origin, received: Date): ParsedChange {
  const protocol = asObject(item.protocolMessage) ?? asObject(unwrap(asObject(item.message)).protocolMessage) ?? item;
  const key = { ...asObject(item.key), ...asObject(protocol.key) };
  // A deletion is told twice.
  if (isType(protocol.type, 'REVOKE', 0)) return revoked(key, at, received, item);
  const head = headOf(at, key, received, item);
  if ('kind' in head) return head;
  const told = editOf(head, head.provider_id, protocol);
  return key.fromMe === true ? byUs(told) : told;
}

function deleted(item: Json, at: Origin, received: Date): ParsedChange {
  return revoked(asObject(item.key) ?? item, at, received, item);
}

/** `doubtful`: Evolution calls deleted whatever status it has no word for, an edit among them. */
function revoked(key: Json, at: Origin, received: Date, item: Json, doubtful = false): ParsedChange {
  const head = headOf(at, key, received, item);
  if ('kind' in head) return head;
  const told: InboundRevoke = { ...head, kind: 'revoke', original_provider_id: head.provider_id, ...(doubtful && { doubtful }) };
  return key.fromMe === true ? byUs(told) : told;
}

/** Evolution's words, and Baileys' numbers of older ones. */
const STATUSES: Readonly<Record<string, StatusUpdate['status']>> = {
  ERROR: 'failed',
  0: 'failed',
  PENDING: 'other',
  1: 'other',
  SERVER_ACK: 'sent',
  2: 'sent',
  DELIVERY_ACK: 'delivered',
  3: 'delivered',
  READ: 'read',
  4: 'read',
  PLAYED: 'played',
  5: 'played',
};

function update(item: Json, at: Origin, received: Date): ParsedChange {
  const change = asObject(item.update) ?? item;
  const key: Json = asObject(item.key) ?? { ...item, id: item.keyId };
  const raw = typeof change.status === 'number' ? String(change.status) : asWords(change.status, 64);
  if (raw === null) return ignored(at, 'empty');
  const word = raw.toUpperCase();
  if (word === 'DELETED') return revoked(key, at, received, item, true);
  const head = headOf(at, key, received, item);
  if ('kind' in head) return head;
  // Of the customer's own messages: we know whether the team has read them.
  if (key.fromMe === false) return ignored(at, 'other_status_type');
  const status = Object.hasOwn(STATUSES, word) ? STATUSES[word] : 'other';
  const { provider_id, ids } = head;
  return {
    ...at,
    kind: 'status',
    provider_id,
    status,
    raw_status: raw,
    timestamp: received,
    ids,
    profile_name: null,
    username: null,
    group_id: null,
    ...(status === 'failed' && { error: { code: null, title: raw, message: reasonOf(change), details: null } }),
  };
}

/** Mostly it stands in Evolution's own log alone. */
const reasonOf = (change: Json): string | null =>
  asWords(asList(change.messageStubParameters)[0], 512) ?? asWords(asObject(change.error)?.message, 512);

const STATES: Readonly<Record<string, ConnectionUpdate['state']>> = {
  open: 'open',
  connecting: 'connecting',
  close: 'closed',
  closed: 'closed',
  refused: 'closed',
};

function connection(item: Json, at: Origin): ParsedChange {
  const word = asWords(item.state, 32) ?? '';
  const state = Object.hasOwn(STATES, word) ? STATES[word] : null;
  if (!state) return ignored(at, 'empty');
  const phone = personOf(item.wuid)?.phone ?? null;
  return { ...at, kind: 'connection', state, phone, profile_name: asName(item.profileName, 255), reason: closedWhy(item, word) };
}

/** Baileys, DisconnectReason. */
function closedWhy({ statusReason }: Json, state: string): string | null {
  const code = asNumber(statusReason);
  if (code === 401) return 'logged_out: the phone ended the connection.';
  if (code === 403 || code === 402) return `banned: WhatsApp refuses the phone (${code}).`;
  if (state === 'refused') return 'refused: no phone scanned the code in time.';
  return code === null || code === 200 ? null : `closed (${code})`;
}

function gone(_item: Json, at: Origin): ConnectionUpdate {
  return { ...at, kind: 'connection', state: 'closed', phone: null, profile_name: null, reason: at.field };
}

function pairingCode(item: Json, at: Origin, timestamp: Date): PairingCodeUpdate {
  return { ...at, kind: 'pairing_code', timestamp, ...readCode(asObject(item.qrcode) ?? {}) };
}

/** Of a webhook, and of the answers to create and connect. A picture that is none is not shown. */
export function readCode(code: Json): { qr_code: string | null; code: string | null; pairing_code: string | null } {
  const picture = asWords(code.base64, 200_000);
  return {
    qr_code: picture !== null && /^data:image\/png;base64,[A-Za-z0-9+/=]+$/.test(picture) ? picture : null,
    code: asWords(code.code, 1_024),
    pairing_code: asWords(code.pairingCode, 32),
  };
}

function profile(item: Json, at: Origin): ProfileUpdate | Ignored {
  const ids = personOf(item.remoteJid ?? item.id);
  if (ids === null) return ignored(at, 'not_a_person');
  const picture = asWords(item.profilePicUrl, 2_048) ?? asWords(item.profilePictureUrl, 2_048);
  const avatar_url = picture !== null && /^https:\/\//.test(picture) && URL.canParse(picture) ? picture : null;
  return { ...at, kind: 'profile', ids, profile_name: asName(item.pushName, 255), avatar_url };
}

function presence(item: Json, at: Origin, timestamp: Date): Presence | Ignored {
  const ids = personOf(item.id);
  if (ids === null) return ignored(at, 'not_a_person');
  const words = Object.values(asObject(item.presences) ?? {}).map((one) => asObject(one)?.lastKnownPresence);
  return { ...at, kind: 'presence', timestamp, ids, typing: words.includes('composing') || words.includes('recording') };
}

/** The phone of whom all of a webhook is about; null: several people, nobody, or somebody named without one. */
export function personIn(data: unknown): PersonIds['phone'] | null {
  const item = asObject(Array.isArray(data) ? (data.length === 1 ? data[0] : null) : data);
  if (!item) return null;
  return personOfKey(asObject(item.key) ?? { remoteJid: item.id, ...item })?.phone ?? null;
}
