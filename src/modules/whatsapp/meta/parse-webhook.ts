import { type KnownContact, KnownContacts } from './known-contacts';
import { messageContent, providerErrors } from './message-content';
import type {
  Echo,
  Ignored,
  Inbound,
  InboundEdit,
  InboundMessage,
  InboundReaction,
  InboundRevoke,
  InboundSystem,
  Origin,
  ParsedChange,
  PersonIds,
  Poison,
  StatusUpdate,
  UserIdUpdate,
  UserPreference,
} from '../parsed-change';
import { numberOf } from './peek-webhook';
import { BSUID, hasIds, personIds } from './person-ids';
import { type Json, asBool, asId, asList, asObject, asText, asTime, asWords, cleanJson, cleanObject, isObject } from '../wire';
import { attempt, ignored, poison } from '../unread';
import { at, Items } from './webhook-items';
import { accountEvent, templateEvent } from './account-events';

/** `biz_opaque_callback_data`, as long as Meta lets it be. */
const MAX_CALLBACK_DATA = 512;

const TEMPLATE_ID = /("message_template_id"\s*:\s*)(\d{16,40})(?![\d.eE])/g;

/**
 * JSON.parse, except that `message_template_id` stays exact: Meta writes it as a JSON number that can exceed 2^53.
 * Inside a JSON string the key's quotes are escaped, so the pattern meets real keys only.
 */
export function parseJsonKeepingBigIds(raw: string | Buffer): unknown {
  const text = typeof raw === 'string' ? raw : raw.toString('utf8');
  return JSON.parse(text.includes('"message_template_id"') ? text.replace(TEMPLATE_ID, '$1"$2"') : text);
}

/**
 * One webhook body of the Cloud API as typed items, in payload order: `count` of them after the first `from`; fewer are left when fewer come.
 * Never throws: what cannot be read becomes `poison` in its place, and the items beside it are what they are.
 */
export function parseWebhook(payload: unknown, { from, count } = { from: 0, count: Infinity }): ParsedChange[] {
  const out = new Items(from, count);
  const root: Origin = { phone_number_id: null, waba_id: null, field: '', path: '' };
  if (!isObject(payload)) out.add(() => poison(root, 'not_an_object', payload));
  else if (payload.object !== 'whatsapp_business_account') out.add(() => ignored(root, 'other_object'));
  else if (!Array.isArray(payload.entry)) out.add(() => poison(root, 'no_entries', payload));
  else parseEntries(out, root, payload.entry);
  return out.read;
}

function parseEntries(out: Items, root: Origin, entries: unknown[]): void {
  for (let e = 0; e < entries.length && !out.full; e++) {
    const entry = entries[e];
    const path = `entry[${e}]`;
    if (!isObject(entry)) {
      out.add(() => poison({ ...root, path }, 'not_an_object', entry));
      continue;
    }
    const waba_id = asId(entry.id);
    if (!Array.isArray(entry.changes)) {
      out.add(() => poison({ ...root, waba_id, path }, 'no_changes', entry));
      continue;
    }
    const changes: unknown[] = entry.changes;
    for (let c = 0; c < changes.length && !out.full; c++) parseChange(out, changes[c], waba_id, `${path}.changes[${c}]`, entry.time);
  }
}

function parseChange(out: Items, change: unknown, waba_id: string | null, path: string, time: unknown): void {
  const origin: Origin = { phone_number_id: null, waba_id, field: '', path };
  if (!isObject(change)) return out.add(() => poison(origin, 'not_an_object', change));
  const field = asWords(change.field, 128);
  if (field === null) return out.add(() => poison(origin, 'no_field', change));
  origin.field = field;
  const value = change.value;
  if (!isObject(value)) return out.add(() => poison(origin, 'no_value', change));
  origin.phone_number_id = numberOf(value);
  const contacts = new KnownContacts(value.contacts);

  switch (field) {
    case 'messages':
      return messagesField(out, origin, value, contacts);
    case 'smb_message_echoes':
      return eachOf(out, origin, value, 'message_echoes', (item, at) => parseEcho(at, item, value, contacts));
    case 'message_template_status_update':
    case 'template_category_update':
    case 'message_template_quality_update':
    case 'message_template_components_update':
      return out.add(() => attempt(origin, value, () => templateEvent(origin, value, time)));
    case 'account_update':
    case 'account_alerts':
    case 'account_review_update':
    case 'business_capability_update':
    case 'business_username_updates':
    case 'phone_number_name_update':
    case 'phone_number_quality_update':
    case 'security':
      return out.add(() => attempt(origin, value, () => accountEvent(origin, value, time)));
    case 'user_preferences':
      return eachOf(out, origin, value, 'user_preferences', (item, at) =>
        userPreference(at, item, contacts, asList(value.user_preferences).length === 1),
      );
    case 'user_id_update':
      return eachOf(out, origin, value, 'user_id_update', (item, at) => userIdUpdate(at, item));
    default:
      // calls (their statuses are not message statuses), history, flows, groups and whatever Meta adds.
      out.add(() => ignored(origin, 'field_not_used'));
  }
}

/** The hot path: one text message or one status per change, nearly always. */
function messagesField(out: Items, origin: Origin, value: Json, contacts: KnownContacts): void {
  const before = out.seen;
  const { messages, statuses } = value;
  if (messages !== undefined) {
    const alone = Array.isArray(messages) && messages.length === 1;
    eachOf(out, origin, value, 'messages', (item, at) => parseMessage(at, item, value, contacts, alone));
  }
  if (statuses !== undefined) eachOf(out, origin, value, 'statuses', (item, at) => parseStatus(at, item, contacts));
  if (value.errors !== undefined) {
    const errors = providerErrors(value.errors);
    if (errors.length > 0) out.add(() => ({ ...at(origin, `${origin.path}.value.errors`), kind: 'errors', errors }));
  }
  if (out.seen === before) out.add(() => ignored(origin, 'empty'));
}

function eachOf(out: Items, origin: Origin, value: Json, key: string, parse: (item: Json, at: Origin) => ParsedChange): void {
  const list = value[key];
  if (!Array.isArray(list)) return out.add(() => poison(at(origin, `${origin.path}.value.${key}`), 'bad_list', value));
  for (let i = 0; i < list.length && !out.full; i++) {
    const item: unknown = list[i];
    out.add(() => {
      const here = at(origin, `${origin.path}.value.${key}[${i}]`);
      return isObject(item) ? attempt(here, item, () => parse(item, here)) : poison(here, 'not_an_object', item);
    });
  }
}

/** Id and time of an item, without which it can be neither kept once nor put in order. */
function headOf(item: Json): { provider_id: string; timestamp: Date } | Poison['reason'] {
  const provider_id = typeof item.id === 'string' ? asId(item.id) : null;
  if (provider_id === null) return 'bad_id';
  const timestamp = asTime(item.timestamp);
  return timestamp === null ? 'bad_timestamp' : { provider_id, timestamp };
}

function parseMessage(origin: Origin, item: Json, value: Json, contacts: KnownContacts, alone: boolean): ParsedChange {
  const head = headOf(item);
  if (typeof head === 'string') return poison(origin, head, item);
  const person = contacts.personOf(personIds(item.from, item.from_user_id, item.from_parent_user_id), alone);
  const type = asWords(item.type, 64);
  if (type === 'system') return systemMessage(origin, head, item, person);
  if (!hasIds(person.ids)) return poison(origin, 'no_person', item);
  return eventOf(origin, head, item, value, person, type);
}

function eventOf(
  origin: Origin,
  head: { provider_id: string; timestamp: Date },
  item: Json,
  value: Json,
  person: KnownContact,
  type: string | null,
): InboundMessage | InboundReaction | InboundEdit | InboundRevoke | Poison {
  const base = inbound(origin, head, item, person);
  switch (type) {
    case 'reaction': {
      const reaction = asObject(item.reaction);
      const target_provider_id = asId(reaction?.message_id);
      if (target_provider_id === null) return poison(origin, 'no_target', item);
      return { ...base, kind: 'reaction', target_provider_id, emoji: asWords(reaction?.emoji, 64) };
    }
    case 'edit': {
      const edit = asObject(item.edit);
      const original_provider_id = asId(edit?.original_message_id);
      if (original_provider_id === null) return poison(origin, 'no_target', item);
      const edited = asObject(edit?.message) ?? {};
      return { ...base, kind: 'edit', original_provider_id, ...messageContent(asWords(edited.type, 64), edited, value.errors) };
    }
    case 'revoke': {
      const original_provider_id = asId(asObject(item.revoke)?.original_message_id);
      if (original_provider_id === null) return poison(origin, 'no_target', item);
      return { ...base, kind: 'revoke', original_provider_id };
    }
  }

  const { message_type, content, payload, media, linked_phones } = messageContent(type, item, value.errors);
  const context = asObject(item.context);
  const referral = cleanObject(item.referral);
  if (referral !== null) payload.referral = referral;
  if (context?.referred_product !== undefined) payload.referred_product = cleanJson(context.referred_product);
  const message: InboundMessage = {
    ...base,
    kind: 'message',
    message_type,
    content,
    payload,
    reply_to_provider_id: asId(context?.id),
    forwarded: context?.forwarded === true || context?.frequently_forwarded === true,
    from_ad: referral !== null,
  };
  if (media !== undefined) message.media = media;
  if (linked_phones !== undefined) message.linked_phones = linked_phones;
  return message;
}

function inbound(origin: Origin, head: { provider_id: string; timestamp: Date }, item: Json, person: KnownContact): Inbound {
  return {
    phone_number_id: origin.phone_number_id,
    waba_id: origin.waba_id,
    field: origin.field,
    path: origin.path,
    provider_id: head.provider_id,
    timestamp: head.timestamp,
    ids: person.ids,
    profile_name: person.profile_name,
    username: person.username,
    group_id: asId(item.group_id),
  };
}

/**
 * A change of phone or of business-scoped user id. New values have their fields; where the old BSUID stands Meta
 * does not show, so `from*` is tried and then the two ids in the English sentence of `body`.
 */
function systemMessage(
  origin: Origin,
  head: { provider_id: string; timestamp: Date },
  item: Json,
  person: KnownContact,
): InboundSystem | Poison {
  const system = asObject(item.system);
  const type = asWords(system?.type, 64);
  const body = asWords(system?.body, 4_096);
  const new_ids = personIds(system?.wa_id, system?.new_wa_id, system?.user_id, system?.parent_user_id);
  const old_ids: PersonIds = { ...person.ids };
  if (!hasIds(old_ids)) Object.assign(old_ids, personIds(system?.customer));
  if (type === 'user_changed_user_id' || type === 'user_changed_number' || type === 'customer_changed_number') {
    // `from*` may already carry the new value: an id cannot be the old and the new one at once.
    if (old_ids.bsuid !== undefined && old_ids.bsuid === new_ids.bsuid) delete old_ids.bsuid;
    if (old_ids.parent_bsuid !== undefined && old_ids.parent_bsuid === new_ids.parent_bsuid) delete old_ids.parent_bsuid;
    if (type !== 'user_changed_user_id' && old_ids.phone !== undefined && old_ids.phone === new_ids.phone) delete old_ids.phone;
    readBody(body, old_ids, new_ids);
  }
  if (!hasIds(old_ids) && !hasIds(new_ids)) return poison(origin, 'no_person', item);
  const payload: Json = { type, body };
  if (new_ids.phone !== undefined) payload.new_wa_id = new_ids.phone.slice(1);
  return {
    ...inbound(origin, head, item, { ...person, ids: hasIds(old_ids) ? old_ids : new_ids }),
    kind: 'system',
    system_type: systemType(type),
    content: body,
    payload,
    old_ids,
    new_ids,
  };
}

function systemType(type: string | null): InboundSystem['system_type'] {
  if (type === 'user_changed_user_id' || type === 'customer_identity_changed') return type;
  return type === 'user_changed_number' || type === 'customer_changed_number' ? 'user_changed_number' : 'other';
}

/** "User Ana changed from BR.1 to BR.2": fills only what no field said, and only from the pair after the last "from". */
function readBody(body: string | null, old_ids: PersonIds, new_ids: PersonIds): void {
  if (body === null) return;
  const words = body.split(/\s+/).map((word) => (word.endsWith('.') ? word.slice(0, -1) : word));
  const from = words.lastIndexOf('from');
  if (from === -1 || words[from + 2] !== 'to') return;
  const before = personIds(words[from + 1]);
  const after = personIds(words[from + 3]);
  if (Object.keys(before).join() !== Object.keys(after).join()) return;
  for (const kind of ['phone', 'bsuid', 'parent_bsuid'] as const) {
    old_ids[kind] ??= before[kind];
    new_ids[kind] ??= after[kind];
    if (old_ids[kind] === undefined) delete old_ids[kind];
    if (new_ids[kind] === undefined) delete new_ids[kind];
  }
}

const STATUSES: ReadonlySet<string> = new Set(['sent', 'delivered', 'read', 'played', 'failed']);

function parseStatus(origin: Origin, item: Json, contacts: KnownContacts): StatusUpdate | Ignored | Poison {
  if (item.type !== undefined && item.type !== 'message') {
    return ignored(origin, item.type === 'call' ? 'call_status' : item.type === 'payment' ? 'payment_status' : 'other_status_type');
  }
  const head = headOf(item);
  if (typeof head === 'string') return poison(origin, head, item);
  const raw_status = asWords(item.status, 64);
  if (raw_status === null) return poison(origin, 'no_status', item);
  const group = item.recipient_type === 'group';
  const own = group
    ? personIds(item.recipient_participant_id, item.recipient_participant_user_id, item.recipient_participant_parent_user_id)
    : personIds(item.recipient_id, item.recipient_user_id, item.recipient_parent_user_id);
  const person = contacts.personOf(own, false);
  const status: StatusUpdate = {
    phone_number_id: origin.phone_number_id,
    waba_id: origin.waba_id,
    field: origin.field,
    path: origin.path,
    kind: 'status',
    provider_id: head.provider_id,
    status: STATUSES.has(raw_status) ? (raw_status as StatusUpdate['status']) : 'other',
    raw_status,
    timestamp: head.timestamp,
    ids: person.ids,
    profile_name: person.profile_name,
    username: person.username,
    group_id: group ? asId(item.recipient_id) : null,
  };
  const callback_data = asWords(item.biz_opaque_callback_data, MAX_CALLBACK_DATA);
  if (callback_data !== null) status.callback_data = callback_data;
  const pricing = item.pricing;
  if (isObject(pricing)) {
    status.pricing = {
      billable: asBool(pricing.billable),
      category: asWords(pricing.category, 64),
      pricing_model: asWords(pricing.pricing_model, 64),
      type: asWords(pricing.type, 64),
    };
  }
  const conversation = item.conversation;
  if (isObject(conversation)) {
    status.conversation = {
      id: asId(conversation.id),
      origin_type: asWords(asObject(conversation.origin)?.type, 64),
      expires_at: asTime(conversation.expiration_timestamp),
    };
  }
  const [error] = providerErrors(item.errors);
  if (error !== undefined) status.error = error;
  return status;
}

function parseEcho(origin: Origin, item: Json, value: Json, contacts: KnownContacts): Echo | Poison {
  const head = headOf(item);
  if (typeof head === 'string') return poison(origin, head, item);
  const person = contacts.personOf(personIds(item.to, item.to_user_id, item.to_parent_user_id), false);
  if (!hasIds(person.ids)) return poison(origin, 'no_person', item);
  const event = eventOf(origin, head, item, value, person, asWords(item.type, 64));
  if (event.kind === 'poison') return event;
  return { ...origin, kind: 'echo', provider_id: head.provider_id, timestamp: head.timestamp, event };
}

function userPreference(origin: Origin, item: Json, contacts: KnownContacts, alone: boolean): UserPreference | Poison {
  const person = contacts.personOf(personIds(item.wa_id, item.user_id, item.parent_user_id), alone);
  if (!hasIds(person.ids)) return poison(origin, 'no_person', item);
  const preference = asWords(item.value, 64);
  return {
    ...origin,
    kind: 'preference',
    timestamp: asTime(item.timestamp),
    ...person,
    category: asWords(item.category, 64),
    value: preference,
    opt_in: preference === 'stop' ? false : preference === 'resume' ? true : null,
  };
}

function userIdUpdate(origin: Origin, item: Json): UserIdUpdate | Poison {
  const user = asObject(item.user_id);
  const parent = asObject(item.parent_user_id);
  const old_ids = onlyBsuids(user?.previous, parent?.previous);
  const new_ids = onlyBsuids(user?.current, parent?.current);
  const phone = personIds(item.wa_id).phone;
  if (phone !== undefined) new_ids.phone = phone;
  if (!hasIds(old_ids) || !hasIds(new_ids)) return poison(origin, 'no_person', item);
  return { ...origin, kind: 'user_id', timestamp: asTime(item.timestamp), old_ids, new_ids, detail: asText(item.detail) };
}

const onlyBsuids = (...values: unknown[]): PersonIds =>
  personIds(...values.filter((value) => typeof value === 'string' && BSUID.test(value)));
