import { isBase64, isURL } from 'class-validator';
import { compact, isObject, listAt, objectAt, stringAt, type JsonObject } from '../json';
import { badRequest } from './evolution-error';
import { SENDS, type SendName } from './schemas';
import { validate } from './schema';

/** What a send asks for, in the words the phone's thread has for it. */
export interface Outgoing {
  /** As it was written: digits, or a JID. */
  number: string;
  type: string;
  content: JsonObject | JsonObject[];
  file?: { mime_type: string; filename: string | null; bytes: Buffer };
  quoted_id: string | null;
  /** How long the customer reads "typing…" before it goes out. */
  delay_ms: number;
}

const MAX_DELAY_MS = 60_000;
const MIME: Record<string, string> = { image: 'image/jpeg', video: 'video/mp4', audio: 'audio/mpeg', document: 'application/octet-stream' };
const NATIVE: Record<string, string> = { reply: 'quick_reply', copy: 'cta_copy', url: 'cta_url', call: 'cta_call', pix: 'payment_info' };

/** Reads a body of `POST /message/<name>`. @throws {EvolutionError} 400 what Evolution refuses before it asks WhatsApp. */
export function readSend(name: SendName, body: unknown): Outgoing {
  validate(body, SENDS[name]);
  const given: JsonObject = isObject(body) ? body : {};
  const delay = given['delay'];
  return {
    number: stringAt(given, 'number') ?? stringAt(objectAt(given, 'key'), 'remoteJid') ?? '',
    quoted_id: stringAt(objectAt(objectAt(given, 'quoted'), 'key'), 'id') ?? null,
    delay_ms: typeof delay === 'number' ? Math.min(Math.max(delay, 0), MAX_DELAY_MS) : 0,
    ...READERS[name](given),
  };
}

type Read = (given: JsonObject) => Pick<Outgoing, 'type' | 'content' | 'file'>;

const READERS: Record<SendName, Read> = {
  sendText: (given) => {
    const text = stringAt(given, 'text') ?? '';
    if (!text.trim()) throw badRequest('Text is required');
    return { type: 'text', content: { body: text } };
  },
  sendMedia: (given) => {
    const kind = stringAt(given, 'mediatype') ?? '';
    const filename = stringAt(given, 'fileName') ?? null;
    const media = stringAt(given, 'media') ?? '';
    if (kind === 'document' && filename === null && isBase64(media)) throw badRequest('For base64 the file name must be informed.');
    const type = kind === 'ptv' ? 'video' : kind;
    return medium(type, media, {
      mime_type: stringAt(given, 'mimetype') ?? MIME[type] ?? 'application/octet-stream',
      filename,
      caption: stringAt(given, 'caption'),
    });
  },
  sendPtv: (given) => medium('video', stringAt(given, 'video') ?? '', { mime_type: 'video/mp4', filename: null }),
  sendWhatsAppAudio: (given) =>
    medium(
      'audio',
      stringAt(given, 'audio') ?? '',
      { mime_type: 'audio/ogg; codecs=opus', filename: null, voice: true },
      'Owned media must be a url, base64, or valid file with buffer',
    ),
  sendSticker: (given) => medium('sticker', stringAt(given, 'sticker') ?? '', { mime_type: 'image/webp', filename: null }),
  sendLocation: ({ latitude, longitude, name, address }) => ({ type: 'location', content: { latitude, longitude, name, address } }),
  sendContact: (given) => ({ type: 'contacts', content: listAt(given, 'contact').map(contactCard) }),
  sendReaction: (given) => {
    const emoji = stringAt(given, 'reaction') ?? '';
    if (emoji !== '' && !/\p{Extended_Pictographic}|\p{Regional_Indicator}|[#*\d]\uFE0F?\u20E3/u.test(emoji))
      throw badRequest('Reaction must be a single emoji or empty string');
    return { type: 'reaction', content: { message_id: stringAt(objectAt(given, 'key'), 'id'), emoji } };
  },
  sendPoll: (given) => ({
    type: 'poll',
    content: { name: given['name'], options: listAt(given, 'values'), selectable_count: given['selectableCount'] },
  }),
  sendList: (given) => ({
    type: 'interactive',
    content: compact({
      type: 'list',
      header: { type: 'text', text: given['title'] },
      body: { text: stringAt(given, 'description') ?? '' },
      footer: { text: given['footerText'] },
      action: {
        button: given['buttonText'],
        sections: listAt(given, 'sections').map((section) => ({
          title: stringAt(section, 'title'),
          rows: listAt(section, 'rows').map((row) => ({
            id: stringAt(row, 'rowId'),
            title: stringAt(row, 'title'),
            description: stringAt(row, 'description'),
          })),
        })),
      },
    }),
  }),
  sendButtons: (given) => {
    const buttons = listAt(given, 'buttons');
    const has = (...types: string[]): boolean => buttons.some((button) => types.includes(stringAt(button, 'type') ?? ''));
    if (!buttons.length) throw badRequest('At least one button is required');
    if (has('reply') && buttons.length > 3) throw badRequest('Maximum of 3 reply buttons allowed');
    if (has('reply') && has('url', 'call', 'copy', 'pix')) throw badRequest('Reply buttons cannot be mixed with other types');
    if (has('pix') && buttons.length > 1) throw badRequest('Only one PIX button is allowed');
    const [title, description, footer] = ['title', 'description', 'footer'].map((key) => stringAt(given, key));
    return {
      type: 'interactive',
      content: compact({
        type: 'button',
        body: { text: [`*${title ?? ''}*`, ...(description ? [description] : [])].join('\n\n') },
        footer: footer ? { text: footer } : undefined,
        // What the phone can tap on; links and calls are words to it.
        action: { buttons: buttons.filter((b) => stringAt(b, 'type') === 'reply').map((b) => ({ type: 'reply', reply: replyOf(b) })) },
        native_buttons: buttons.map((button) => ({
          name: NATIVE[stringAt(button, 'type') ?? ''],
          buttonParamsJson: JSON.stringify({ display_text: stringAt(button, 'displayText'), id: stringAt(button, 'id') }),
        })),
      }),
    };
  },
};

/** A file by its address, which nobody fetches here, or in base64; a data URL is neither, as in Evolution. */
function medium(
  type: string,
  media: string,
  as: { mime_type: string; filename: string | null; caption?: string; voice?: boolean },
  refusal = 'Owned media must be a url or base64',
): Pick<Outgoing, 'type' | 'content' | 'file'> {
  const { mime_type, filename, ...shown } = as;
  const content = compact({ ...shown, mime_type, filename: filename ?? undefined });
  if (isURL(media)) return { type, content: { ...content, link: media } };
  if (!isBase64(media)) throw badRequest(refusal);
  return { type, content, file: { mime_type, filename, bytes: Buffer.from(media, 'base64') } };
}

function contactCard(contact: unknown): JsonObject {
  const [name, phone, company] = ['fullName', 'phoneNumber', 'organization'].map((key) => stringAt(contact, key));
  return compact({
    name: { formatted_name: name },
    phones: [{ phone, wa_id: (stringAt(contact, 'wuid') ?? phone ?? '').replace(/\D/g, '') }],
    org: company ? { company } : undefined,
  });
}

function replyOf(button: unknown): JsonObject {
  return { id: stringAt(button, 'id'), title: stringAt(button, 'displayText') };
}
