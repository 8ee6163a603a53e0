import type { Delivery, OutgoingMessage } from '../provider';
import { UnsendableMessage } from '../provider-failure';
import { isBsuid } from './person-ids';
import { type Json, asBool, asList, asObject, asText, asWords, isObject, MAX_TEXT_LENGTH } from '../wire';

/** The body of `POST /{phone_number_id}/messages`. */
export function buildMessage(message: OutgoingMessage, delivery: Delivery): Json {
  const body: Json = {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    ...recipient(delivery),
    biz_opaque_callback_data: message.id,
  };
  if (delivery.reply_to_provider_id && message.message_type !== 'reaction') body.context = { message_id: delivery.reply_to_provider_id };
  body.type = message.message_type;
  body[message.message_type] = typed(message, delivery);
  return body;
}

/**
 * The phone wins when both are known: it keeps the phone visible to us. Without `+` Meta may put our own country code
 * before it. A BSUID goes under `recipient`: in `to` it is accepted and never delivered.
 */
function recipient({ phone, bsuid }: Delivery): Json {
  if (phone) return { to: phone.startsWith('+') ? phone : `+${phone}` };
  if (isBsuid(bsuid)) return { recipient: bsuid };
  throw new UnsendableMessage('no_recipient', 'The contact has neither a phone nor a WhatsApp user id.');
}

function typed(message: OutgoingMessage, delivery: Delivery): unknown {
  const { payload } = message;
  switch (message.message_type) {
    case 'text':
      return text(message);
    case 'image':
    case 'video':
    case 'document':
    case 'audio':
    case 'sticker':
      return media(message, delivery);
    case 'location':
      return location(payload);
    case 'contacts':
      return cards(payload);
    case 'interactive':
      return interactive(payload);
    case 'template':
      return template(payload);
    case 'reaction':
      return reaction(payload, delivery);
    default:
      throw new UnsendableMessage('message_type_not_sendable', `A message of type ${message.message_type} cannot be sent.`);
  }
}

function need<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined || value === '')
    throw new UnsendableMessage('message_incomplete', `The message has no ${what}.`);
  return value;
}

function text({ payload, content }: OutgoingMessage): Json {
  const body = need(asText(payload.text, MAX_TEXT_LENGTH) ?? content, 'text');
  const preview_url = asBool(payload.preview_url);
  return preview_url === null ? { body } : { body, preview_url };
}

function media({ message_type, payload, content }: OutgoingMessage, delivery: Delivery): Json {
  const link = asWords(payload.link, 4_096);
  const named = delivery.media && 'file' in delivery.media ? null : delivery.media;
  const object: Json = { ...need(named ?? (link === null ? null : { link }), 'file') };
  const caption = asWords(payload.caption, 4_096) ?? (content || null);
  if (caption !== null && message_type !== 'audio' && message_type !== 'sticker') object.caption = caption;
  if (message_type === 'document' && asWords(payload.filename)) object.filename = asWords(payload.filename);
  // A voice note; Meta takes only ogg/opus for it.
  if (message_type === 'audio' && payload.voice === true) object.voice = true;
  return object;
}

function location(payload: Json): Json {
  const object: Json = { latitude: need(payload.latitude, 'latitude'), longitude: need(payload.longitude, 'longitude') };
  for (const key of ['name', 'address']) if (asWords(payload[key])) object[key] = payload[key];
  return object;
}

function cards(payload: Json): Json[] {
  const contacts = asList(payload.contacts).filter(isObject);
  need(contacts[0], 'contacts');
  return contacts.map((contact) => {
    const formatted_name = need(asWords(contact.name) ?? asWords(asObject(contact.name)?.formatted_name), 'name of a contact');
    // Meta wants one part of the name beside the whole.
    const card: Json = {
      name: { formatted_name, first_name: asWords(asObject(contact.name)?.first_name) ?? formatted_name.split(' ')[0] },
    };
    const phones = asList(contact.phones).filter(isObject);
    if (phones.length > 0)
      card.phones = phones.map((phone) => {
        const wa_id = asWords(phone.wa_id);
        return { phone: phone.phone, ...(wa_id === null ? {} : { wa_id }), type: asWords(phone.type) ?? 'CELL' };
      });
    const emails = [...asList(contact.emails), contact.email].flatMap((email) => asWords(email) ?? asWords(asObject(email)?.email) ?? []);
    if (emails.length > 0) card.emails = emails.map((email) => ({ email, type: 'WORK' }));
    const company = asWords(contact.organization);
    if (company !== null) card.org = { company };
    return card;
  });
}

function interactive(payload: Json): Json {
  const object: Json = { body: { text: need(asText(payload.body, 4_096), 'body') } };
  const header = asWords(payload.header);
  if (header !== null) object.header = { type: 'text', text: header };
  const footer = asWords(payload.footer);
  if (footer !== null) object.footer = { text: footer };
  switch (payload.kind) {
    case 'buttons': {
      const buttons = asList(payload.buttons).filter(isObject);
      need(buttons[0], 'buttons');
      return { type: 'button', ...object, action: { buttons: buttons.map(({ id, title }) => ({ type: 'reply', reply: { id, title } })) } };
    }
    case 'list': {
      const sections = asList(payload.sections)
        .filter(isObject)
        .map((section) => ({
          ...(asWords(section.title) ? { title: section.title } : {}),
          rows: asList(section.rows)
            .filter(isObject)
            .map(({ id, title, description }) => ({ id, title, ...(asWords(description) ? { description } : {}) })),
        }));
      need(sections[0], 'sections');
      return { type: 'list', ...object, action: { button: need(asWords(payload.button_text), 'button text'), sections } };
    }
    case 'request_contact_info':
      return { type: 'request_contact_info', body: object.body, action: { name: 'request_contact_info' } };
    default:
      throw new UnsendableMessage(
        'message_type_not_sendable',
        'Of interactive messages only buttons, list and request_contact_info can be sent.',
      );
  }
}

function template(payload: Json): Json {
  const components = asList(payload.components);
  return {
    name: need(asWords(payload.name), 'template name'),
    language: { code: need(asWords(payload.language), 'template language') },
    ...(components.length > 0 ? { components } : {}),
  };
}

function reaction(payload: Json, { target_provider_id }: Delivery): Json {
  // An empty emoji takes the reaction back.
  return { message_id: need(target_provider_id, 'message to react to'), emoji: asText(payload.emoji, 64) ?? '' };
}

/** Marks an incoming message and all before it read; `typing` also shows that an answer is being written (25 s at most). */
export function buildReadReceipt(provider_id: string, typing = false): Json {
  return {
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: provider_id,
    ...(typing ? { typing_indicator: { type: 'text' } } : {}),
  };
}
