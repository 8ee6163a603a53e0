import { fileName } from '#common/file-name';
import { phoneOfWaId } from '#common/phone';
import type { InboundMessageType, MediaRef, MessageContent, ProviderError } from '../parsed-change';
import {
  type Json,
  asBool,
  asId,
  asList,
  asNumber,
  asObject,
  asText,
  asWords,
  cleanJson,
  cleanObject,
  isObject,
  MAX_TEXT_LENGTH,
} from '../wire';

const MAX_CAPTION = 4_096;
const MAX_URL = 2_048;
const MAX_VCARD = 16_384;
/** Meta, "Contacts messages": at most 257 cards in one message. */
const MAX_CARDS = 257;

/**
 * What a message says, in our words (contract 20, 7.4). A kind we do not know, or one that came without its object,
 * is kept as `unsupported` with the raw item: the customer wrote, and that is never lost.
 */
export function messageContent(type: string | null, message: Json, valueErrors: unknown): MessageContent {
  return knownContent(type, message) ?? unsupported(type, message, valueErrors);
}

function knownContent(type: string | null, message: Json): MessageContent | null {
  switch (type) {
    case 'text': {
      const text = asText(asObject(message.text)?.body, MAX_TEXT_LENGTH);
      return text === null ? null : { message_type: 'text', content: text, payload: { text } };
    }
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return mediaContent(type, asObject(message[type]));
    case 'location':
      return locationContent(asObject(message.location));
    case 'contacts':
      return contactsContent(message.contacts);
    case 'interactive':
      return interactiveContent(asObject(message.interactive));
    case 'button': {
      const button = asObject(message.button);
      const text = asText(button?.text);
      const payload = asText(button?.payload);
      if (text === null && payload === null) return null;
      return { message_type: 'button', content: text, payload: { text, payload } };
    }
    case 'order': {
      const order = asObject(message.order);
      if (order === null) return null;
      const text = asWords(order.text, MAX_TEXT_LENGTH);
      const product_items = cleanJson(asList(order.product_items));
      return { message_type: 'order', content: text, payload: { catalog_id: asId(order.catalog_id), text, product_items } };
    }
    default:
      return null;
  }
}

function mediaContent(type: 'image' | 'video' | 'audio' | 'document' | 'sticker', object: Json | null): MessageContent | null {
  const id = asId(object?.id);
  if (object === null || id === null) return null;
  const media: MediaRef = { id, mime_type: asWords(object.mime_type, 255), sha256: asWords(object.sha256, 255) };
  const payload: Json = {};
  const caption = asWords(object.caption, MAX_CAPTION);
  if (caption !== null) payload.caption = media.caption = caption;
  const filename = fileName(asText(object.filename) ?? '');
  if (filename !== null) payload.filename = media.filename = filename;
  const voice = asBool(object.voice);
  if (voice !== null) payload.voice = media.voice = voice;
  const animated = asBool(object.animated);
  if (animated !== null) payload.animated = media.animated = animated;
  return { message_type: type, content: caption, payload, media };
}

function locationContent(location: Json | null): MessageContent | null {
  const latitude = asNumber(location?.latitude);
  const longitude = asNumber(location?.longitude);
  if (location === null || latitude === null || longitude === null) return null;
  const payload: Json = { latitude, longitude };
  const name = asWords(location.name);
  if (name !== null) payload.name = name;
  const address = asWords(location.address);
  if (address !== null) payload.address = address;
  const url = asWords(location.url, MAX_URL);
  if (url !== null) payload.url = url;
  return { message_type: 'location', content: null, payload };
}

function contactsContent(list: unknown): MessageContent | null {
  const cards = asList(list).filter(isObject).slice(0, MAX_CARDS);
  if (cards.length === 0) return null;
  const linked_phones: string[] = [];
  const contacts = cards.map((card) => {
    const shared = card.origin === 'contact_request';
    const phones = asList(card.phones)
      .filter(isObject)
      .slice(0, 20)
      .map((item) => {
        const wa_id = asWords(item.wa_id, 64);
        // Only this card proves a phone to be the sender's own; `origin: "other"` is a card of anybody.
        const phone = shared && wa_id !== null ? phoneOfWaId(wa_id) : null;
        if (phone !== null && !linked_phones.includes(phone)) linked_phones.push(phone);
        return compact({ phone: asWords(item.phone, 64) ?? (wa_id === null ? null : `+${wa_id}`), wa_id, type: asWords(item.type, 64) });
      });
    const emails = asList(card.emails)
      .filter(isObject)
      .slice(0, 20)
      .map((item) => compact({ email: asWords(item.email, 320), type: asWords(item.type, 64) }));
    const org = asObject(card.org);
    return compact({
      name: cardName(asObject(card.name)),
      phones,
      emails: emails.length > 0 ? emails : null,
      organization: asWords(org?.company, 255),
      origin: asWords(card.origin, 64),
      vcard: asWords(card.vcard, MAX_VCARD),
    });
  });
  const content: MessageContent = { message_type: 'contacts', content: null, payload: { contacts } };
  if (linked_phones.length > 0) content.linked_phones = linked_phones;
  return content;
}

function cardName(name: Json | null): string | null {
  if (name === null) return null;
  const parts = [asWords(name.first_name, 255), asWords(name.middle_name, 255), asWords(name.last_name, 255)];
  return asWords(name.formatted_name, 255) ?? (parts.filter((part) => part !== null).join(' ') || null);
}

function interactiveContent(interactive: Json | null): MessageContent | null {
  const reply = asObject(interactive?.button_reply) ?? asObject(interactive?.list_reply);
  if (reply !== null) {
    const title = asText(reply.title);
    const kind = isObject(interactive?.button_reply) ? 'button_reply' : 'list_reply';
    const payload: Json = { kind, id: asText(reply.id), title };
    const description = asWords(reply.description);
    if (description !== null) payload.description = description;
    return { message_type: 'interactive', content: title, payload };
  }
  const flow = asObject(interactive?.nfm_reply);
  if (flow !== null) {
    const title = asText(flow.body);
    return {
      message_type: 'interactive',
      content: title,
      payload: { kind: 'flow_reply', id: asText(flow.name), title, ...flowResponse(flow) },
    };
  }
  const permission = cleanObject(interactive?.call_permission_reply);
  if (permission === null) return null;
  return {
    message_type: 'interactive',
    content: null,
    payload: { kind: 'call_permission_reply', id: null, title: null, response: permission },
  };
}

/** `response_json` is JSON inside a string, written by the customer's own flow: it may be anything. */
function flowResponse(flow: Json): Json {
  const text = asText(flow.response_json, MAX_TEXT_LENGTH);
  if (text === null) return { response: cleanObject(flow.response_json) };
  try {
    return { response: cleanJson(JSON.parse(text)) };
  } catch {
    return { response: null, response_json: text };
  }
}

function unsupported(type: string | null, message: Json, valueErrors: unknown): MessageContent {
  const own = providerErrors(message.errors);
  const raw_type = type === 'unsupported' ? asWords(asObject(message.unsupported)?.type, 64) : type;
  const payload: Json = { raw_type, errors: own.length > 0 ? own : providerErrors(valueErrors), raw: cleanJson(message) };
  // A file too large for Meta (131052) comes without its id, but with what the customer wrote under it.
  const content = type === null ? null : asWords(asObject(message[type])?.caption, MAX_CAPTION);
  const message_type: InboundMessageType = 'unsupported';
  return { message_type, content, payload };
}

/** Meta's error list, of a message, a status or a whole value. */
export function providerErrors(list: unknown): ProviderError[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).slice(0, 10).map(providerError);
}

function providerError(error: Json): ProviderError {
  return {
    code: asNumber(error.code),
    title: asWords(error.title),
    message: asWords(error.message, 2_048),
    details: asWords(asObject(error.error_data)?.details ?? error.details, 2_048),
  };
}

function compact(object: Json): Json {
  for (const key of Object.keys(object)) if (object[key] === null) delete object[key];
  return object;
}
