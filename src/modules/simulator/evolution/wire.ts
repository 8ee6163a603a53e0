import { randomBytes } from 'node:crypto';
import { compact, isObject, listAt, objectAt, stringAt, type JsonObject } from '../json';
import type { StoredMedia } from '../media-store';
import { createJid } from './jid';

export interface MessageKey {
  remoteJid: string;
  fromMe: boolean;
  id: string;
  /** Who spoke, in a group. */
  participant?: string;
  remoteJidAlt?: string;
  participantAlt?: string;
  addressingMode?: 'pn' | 'lid';
}

/** A message as Baileys decodes it: the object of `proto.Message`, named by its type. */
export interface WaContent {
  messageType: string;
  message: JsonObject;
  /** What it quotes. */
  contextInfo?: JsonObject;
}

export interface Around {
  /** Its file. */
  file?: StoredMedia;
  /** The message it answers. */
  quoted?: { id: string; participant: string; message: JsonObject };
  /** The key of an earlier message of the chat, as its sender sees it. */
  keyOf: (id: string) => MessageKey;
}

/**
 * The same message in WhatsApp's own words.
 * @param content the object Meta names by the type; a phone's thread shows it.
 * @throws {RangeError} a kind WhatsApp Web does not carry.
 */
export function waContent(type: string, content: JsonObject, around: Around): WaContent {
  const text = (key: string): string | undefined => stringAt(content, key);
  const { quoted } = around;
  const contextInfo = quoted && { stanzaId: quoted.id, participant: quoted.participant, quotedMessage: quoted.message };
  const of = (messageType: string, message: unknown): WaContent => ({
    messageType,
    message: { [messageType]: message, messageContextInfo: secret() },
    ...(contextInfo ? { contextInfo } : {}),
  });
  // Answers to buttons and lists say it inside as well.
  const answer = (messageType: string, message: JsonObject): WaContent => of(messageType, compact({ ...message, contextInfo }));

  switch (type) {
    case 'text':
      return of('conversation', text('body') ?? '');
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return of(`${type}Message`, mediaMessage(type, content, around.file));
    case 'location': {
      const place = { degreesLatitude: content['latitude'], degreesLongitude: content['longitude'] };
      if (content['live'] === true) return of('liveLocationMessage', { ...place, accuracyInMeters: 12, sequenceNumber: Date.now() });
      return of('locationMessage', compact({ ...place, name: text('name'), address: text('address') }));
    }
    case 'reaction':
      return of('reactionMessage', {
        key: around.keyOf(text('message_id') ?? ''),
        text: text('emoji') ?? '',
        senderTimestampMs: longOf(Date.now()),
      });
    case 'button':
      return answer('templateButtonReplyMessage', {
        selectedId: content['payload'],
        selectedDisplayText: content['text'],
        selectedIndex: 0,
      });
    case 'interactive':
      return interactive(content, of, answer);
    case 'poll':
      return of('pollCreationMessageV3', {
        name: text('name') ?? '',
        options: listAt(content, 'options').map((optionName) => ({ optionName })),
        selectableOptionsCount: content['selectable_count'] ?? 1,
      });
    case 'poll_vote':
      return of('pollUpdateMessage', {
        pollCreationMessageKey: around.keyOf(text('message_id') ?? ''),
        vote: { selectedOptions: listAt(content, 'options') },
        senderTimestampMs: longOf(Date.now()),
      });
    case 'unsupported':
      return of('eventMessage', { name: 'Evento', isCanceled: false });
    default:
      throw new RangeError(`type: ${type} does not exist on a number that was linked by QR code`);
  }
}

/** Contact cards are a list, hence not in `waContent`. */
export function waContacts(contacts: unknown[]): WaContent {
  const cards = contacts.map((contact) => {
    const displayName = stringAt(objectAt(contact, 'name'), 'formatted_name') ?? stringAt(listAt(contact, 'phones')[0], 'phone') ?? '';
    return { displayName, vcard: vcardOf(displayName, contact) };
  });
  const messageType = cards.length === 1 ? 'contactMessage' : 'contactsArrayMessage';
  const message = cards.length === 1 ? cards[0] : { displayName: `${cards.length} contacts`, contacts: cards };
  return { messageType, message: { [messageType]: message, messageContextInfo: secret() } };
}

/** In a disappearing or a view-once message. */
export function wrapped({ message, ...rest }: WaContent, wrapper: string): WaContent {
  const { messageContextInfo, ...inner } = message;
  return { ...rest, messageType: wrapper, message: { [wrapper]: { message: inner }, messageContextInfo } };
}

function interactive(
  content: JsonObject,
  of: (messageType: string, message: unknown) => WaContent,
  answer: (messageType: string, message: JsonObject) => WaContent,
): WaContent {
  const action = objectAt(content, 'action');
  const body = objectAt(content, 'body');
  const footer = objectAt(content, 'footer');
  switch (content['type']) {
    case 'button_reply': {
      const reply = objectAt(content, 'button_reply');
      const [id, title] = [stringAt(reply, 'id'), stringAt(reply, 'title')];
      // The phone's version decides which of the three comes.
      if (content['wire'] === 'buttons')
        return answer('buttonsResponseMessage', { selectedButtonId: id, selectedDisplayText: title, type: 'DISPLAY_TEXT' });
      if (content['wire'] === 'native')
        return answer('interactiveResponseMessage', {
          body: { text: title, format: 'DEFAULT' },
          nativeFlowResponseMessage: { name: 'quick_reply', paramsJson: JSON.stringify({ id, display_text: title }), version: 3 },
        });
      return answer('templateButtonReplyMessage', { selectedId: id, selectedDisplayText: title, selectedIndex: 0 });
    }
    case 'list_reply': {
      const reply = objectAt(content, 'list_reply');
      return answer(
        'listResponseMessage',
        compact({
          title: stringAt(reply, 'title'),
          listType: 'SINGLE_SELECT',
          singleSelectReply: { selectedRowId: stringAt(reply, 'id') },
          description: stringAt(reply, 'description'),
        }),
      );
    }
    case 'nfm_reply': {
      const reply = objectAt(content, 'nfm_reply');
      return answer('interactiveResponseMessage', {
        body: { text: stringAt(reply, 'body') ?? 'Sent', format: 'DEFAULT' },
        nativeFlowResponseMessage: {
          name: stringAt(reply, 'name') ?? 'flow',
          paramsJson: stringAt(reply, 'response_json') ?? '{}',
          version: 3,
        },
      });
    }
    case 'list':
      return of('listMessage', {
        title: stringAt(objectAt(content, 'header'), 'text') ?? '',
        description: stringAt(body, 'text') ?? '',
        buttonText: stringAt(action, 'button') ?? '',
        footerText: stringAt(footer, 'text') ?? '',
        listType: 'SINGLE_SELECT',
        sections: listAt(action, 'sections').map((section) => ({
          title: stringAt(section, 'title') ?? '',
          rows: listAt(section, 'rows').map((row) => ({
            title: stringAt(row, 'title') ?? '',
            description: stringAt(row, 'description') ?? '',
            rowId: stringAt(row, 'id') ?? '',
          })),
        })),
      });
    default:
      return of('viewOnceMessage', {
        message: {
          interactiveMessage: compact({
            body: { text: stringAt(body, 'text') ?? '' },
            footer: footer && { text: stringAt(footer, 'text') },
            nativeFlowMessage: { buttons: listAt(content, 'native_buttons'), messageParamsJson: JSON.stringify({ from: 'api' }) },
          }),
        },
      });
  }
}

function mediaMessage(type: string, content: JsonObject, file: StoredMedia | undefined): JsonObject {
  const path = `/v/t62.7118-24/${randomBytes(8).toString('hex')}.enc`;
  const filename = file?.filename ?? stringAt(content, 'filename');
  return compact({
    url: `https://mmg.whatsapp.net${path}`,
    mimetype: file?.mime_type ?? stringAt(content, 'mime_type'),
    caption: stringAt(content, 'caption'),
    fileSha256: file && new Uint8Array(file.sha256),
    fileLength: longOf(file?.size_bytes ?? 0),
    mediaKey: new Uint8Array(randomBytes(32)),
    directPath: path,
    mediaKeyTimestamp: longOf(Math.floor(Date.now() / 1000)),
    ...(type === 'audio' ? { ptt: content['voice'] === true, seconds: 3 } : {}),
    ...(type === 'document' ? { fileName: filename ?? 'file', title: filename ?? 'file' } : {}),
    ...(type === 'sticker' ? { isAnimated: content['animated'] === true } : {}),
  });
}

function vcardOf(name: string, contact: unknown): string {
  const phones = listAt(contact, 'phones').map((phone) => {
    const digits = (stringAt(phone, 'wa_id') ?? stringAt(phone, 'phone') ?? '').replace(/\D/g, '');
    return `item1.TEL;waid=${createJid(digits).split('@')[0]}:${stringAt(phone, 'phone') ?? `+${digits}`}\nitem1.X-ABLabel:Celular`;
  });
  const organization = stringAt(objectAt(contact, 'org'), 'company');
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:${name}`,
    `FN:${name}`,
    ...(organization ? [`ORG:${organization};`] : []),
    ...phones,
    'END:VCARD',
  ].join('\n');
}

/** A 64-bit number as `JSON.stringify` writes the class Baileys has for it. */
function longOf(value: number): object {
  return { low: value | 0, high: Math.floor(value / 2 ** 32), unsigned: true };
}

function secret(): JsonObject {
  return {
    deviceListMetadata: { senderKeyHash: new Uint8Array(randomBytes(10)), senderTimestamp: longOf(Math.floor(Date.now() / 1000)) },
    deviceListMetadataVersion: 2,
    messageSecret: new Uint8Array(randomBytes(32)),
  };
}

/** `isObject` for what a thread holds. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});
