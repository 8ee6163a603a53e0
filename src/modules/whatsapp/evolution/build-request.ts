import type { Delivery, OutgoingMessage } from '../provider';
import { UnsendableMessage } from '../provider-failure';
import { menuText, sectionsOf } from '../text-menu';
import { type Json, asList, asObject, asText, asWords, isObject, MAX_TEXT_LENGTH } from '../wire';
import { jidOf, recipientOf } from './jids';

/** A call that sends: `POST /{path}/{instance}`. */
export interface SendRequest {
  path: string;
  body: Json;
  /** What goes into a field of `body`, in base64. */
  file?: { field: string; blob: Blob };
}

interface Style {
  /** Buttons and lists as WhatsApp has them; else as a numbered text. */
  native_interactive: boolean;
}

/** How a message is told to Evolution; a file of ours is put into it by who sends. @throws {UnsendableMessage} */
export function buildRequest(message: OutgoingMessage, delivery: Delivery, style: Style): SendRequest {
  const number = recipientOf(delivery);
  if (number === null) throw new UnsendableMessage('no_recipient', 'The contact has neither a phone nor a LID of WhatsApp Web.');
  const request = typed(message, delivery, number, style);
  const { reply_to_provider_id } = delivery;
  if (reply_to_provider_id && message.message_type !== 'reaction') request.body.quoted = { key: { id: reply_to_provider_id } };
  return request;
}

function typed(message: OutgoingMessage, delivery: Delivery, number: string, { native_interactive }: Style): SendRequest {
  const { payload, message_type } = message;
  switch (message_type) {
    case 'text': {
      const text = need(asText(payload.text, MAX_TEXT_LENGTH) ?? message.content, 'text');
      return { path: 'message/sendText', body: { number, text, linkPreview: payload.preview_url === true } };
    }
    case 'image':
    case 'video':
    case 'document':
      return media(message, delivery, number, message_type);
    case 'audio':
      if (payload.voice === true) return file('message/sendWhatsAppAudio', { number }, 'audio', delivery);
      return media(message, delivery, number, message_type);
    case 'sticker':
      return file('message/sendSticker', { number }, 'sticker', delivery);
    case 'location':
      return location(payload, number);
    case 'contacts':
      return { path: 'message/sendContact', body: { number, contact: cards(payload) } };
    case 'interactive':
      return native_interactive ? native(payload, number) : { path: 'message/sendText', body: { number, text: menu(payload) } };
    case 'reaction': {
      const id = need(delivery.target_provider_id, 'message to react to');
      const key = { id, remoteJid: jidOf(number), fromMe: delivery.target_is_ours === true };
      // An empty one takes the reaction back.
      return { path: 'message/sendReaction', body: { key, reaction: asText(payload.emoji, 64) ?? '' } };
    }
    default:
      throw new UnsendableMessage('message_type_not_sendable', `A message of type ${message_type} cannot be sent by a qrcode number.`);
  }
}

function need<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined || value === '')
    throw new UnsendableMessage('message_incomplete', `The message has no ${what}.`);
  return value;
}

function media(message: OutgoingMessage, delivery: Delivery, number: string, mediatype: string): SendRequest {
  const { payload, content } = message;
  const caption = asWords(payload.caption, 4_096) ?? content;
  const ours = delivery.media && 'file' in delivery.media ? delivery.media.file : null;
  const fileName = asWords(payload.filename) ?? ours?.filename;
  const body = {
    number,
    mediatype,
    ...(ours && { mimetype: ours.mime_type }),
    ...(caption && mediatype !== 'audio' && { caption }),
    ...(fileName && { fileName }),
  };
  return file('message/sendMedia', body, 'media', delivery);
}

function file(path: string, body: Json, field: string, { media: ours }: Delivery): SendRequest {
  if (ours && 'file' in ours) return { path, body, file: { field, blob: ours.file.blob } };
  throw new UnsendableMessage('message_incomplete', 'The message has no file.');
}

function location(payload: Json, number: string): SendRequest {
  const latitude = need(payload.latitude, 'latitude');
  const longitude = need(payload.longitude, 'longitude');
  // Evolution refuses a place without both.
  const [name, address] = [asWords(payload.name) ?? '-', asWords(payload.address) ?? '-'];
  return { path: 'message/sendLocation', body: { number, latitude, longitude, name, address } };
}

function cards(payload: Json): Json[] {
  const contacts = asList(payload.contacts).filter(isObject);
  need(contacts[0], 'contacts');
  return contacts.map((contact) => {
    const fullName = need(asWords(contact.name) ?? asWords(asObject(contact.name)?.formatted_name), 'name of a contact');
    const [phone] = asList(contact.phones).filter(isObject);
    const phoneNumber = need(asWords(phone?.phone), 'phone of a contact');
    const wuid = asWords(phone?.wa_id) ?? phoneNumber.replace(/\D/g, '');
    const [email] = asList(contact.emails).flatMap((one) => asWords(one) ?? asWords(asObject(one)?.email) ?? []);
    const organization = asWords(contact.organization);
    return { fullName, wuid, phoneNumber, ...(email && { email }), ...(organization && { organization }) };
  });
}

function menu(payload: Json): string {
  const text = menuText(payload);
  if (text !== null) return text;
  throw new UnsendableMessage(
    'message_type_not_sendable',
    'Of interactive messages only buttons and lists can be sent by a qrcode number.',
  );
}

function native(payload: Json, number: string): SendRequest {
  const sections = sectionsOf(payload);
  if (!sections.length) return { path: 'message/sendText', body: { number, text: menu(payload) } };
  const title = asWords(payload.header) ?? '';
  const description = asText(payload.body, 4_096) ?? '';
  const footer = asWords(payload.footer) ?? '';
  if (payload.kind === 'buttons') {
    const buttons = sections.flatMap(({ options }) => options.map(({ id, title: displayText }) => ({ type: 'reply', displayText, id })));
    return { path: 'message/sendButtons', body: { number, title, description, footer, buttons } };
  }
  // Evolution refuses a list in which one of these is empty.
  const rows = sections.map((section) => ({
    title: section.title ?? '-',
    rows: section.options.map((option) => ({ title: option.title, description: option.description ?? '-', rowId: option.id })),
  }));
  const footerText = footer || '-';
  return {
    path: 'message/sendList',
    body: { number, title, description, footerText, buttonText: asWords(payload.button_text) ?? '-', sections: rows },
  };
}
