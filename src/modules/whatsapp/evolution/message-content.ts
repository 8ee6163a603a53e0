import { fileName } from '#common/file-name';
import { phoneOfWaId } from '#common/phone';
import type { InboundMessageType, MediaRef, MessageContent } from '../parsed-change';
import { type Json, asList, asNumber, asObject, asText, asWords, cleanJson, isObject, MAX_TEXT_LENGTH } from '../wire';

const MAX_CAPTION = 4_096;
const MAX_VCARD = 16_384;
const MAX_CARDS = 257;
/** SHA-256 in base64. */
const DIGEST = /^[A-Za-z0-9+/]{43}=$/;

/** What WhatsApp Web puts around a message; inside stands what was said. */
const WRAPPERS = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'deviceSentMessage',
  'editedMessage',
  'lottieStickerMessage',
  'botInvokeMessage',
  'associatedChildMessage',
];
const MAX_WRAPPERS = 6;

/** Beside what was said, and says nothing. */
const SILENT = new Set(['messageContextInfo', 'senderKeyDistributionMessage', 'albumMessage', 'base64', 'mediaUrl', 'placeholderMessage']);

/** The message inside its wrappers. */
export function unwrap(message: Json | null): Json {
  let inner = message ?? {};
  for (let depth = 0; depth < MAX_WRAPPERS; depth++) {
    const wrapper = WRAPPERS.map((name) => asObject(asObject(inner[name])?.message)).find((found) => found !== null);
    if (!wrapper) break;
    inner = wrapper;
  }
  return inner;
}

interface Found extends MessageContent {
  /** Quoted, forwarded, from where. */
  context: Json | null;
}

/** `kept`: where our door put the file that came with it. */
interface Whose {
  provider_id: string;
  kept: string | null;
}

/** What a message says, in our words (contract 20, 8). null: nothing; a kind we do not know is kept as `unsupported`. */
export function messageContent(message: Json, whose: Whose): Found | null {
  for (const [kind, value] of Object.entries(message)) {
    if (SILENT.has(kind)) continue;
    const context = asObject(asObject(value)?.contextInfo);
    const known = knownContent(kind, value, whose);
    if (known) return { ...known, context };
    const payload: Json = { raw_type: kind.slice(0, 64), errors: [], raw: cleanJson(withoutKeys(value)) };
    return { message_type: 'unsupported', content: asWords(asObject(value)?.caption, MAX_CAPTION), payload, context };
  }
  return null;
}

function knownContent(kind: string, value: unknown, whose: Whose): MessageContent | null {
  const object = asObject(value);
  switch (kind) {
    case 'conversation':
      return textContent(asText(value, MAX_TEXT_LENGTH));
    case 'extendedTextMessage':
      return textContent(asText(object?.text, MAX_TEXT_LENGTH));
    case 'imageMessage':
      return mediaContent('image', object, whose);
    case 'videoMessage':
    case 'ptvMessage':
      return mediaContent('video', object, whose);
    case 'audioMessage':
      return mediaContent('audio', object, whose);
    case 'documentMessage':
      return mediaContent('document', object, whose);
    case 'stickerMessage':
      return mediaContent('sticker', object, whose);
    case 'locationMessage':
    case 'liveLocationMessage':
      return locationContent(object);
    case 'contactMessage':
      return contactsContent([object]);
    case 'contactsArrayMessage':
      return contactsContent(asList(object?.contacts));
    case 'buttonsResponseMessage':
      return reply(
        'button_reply',
        object?.selectedButtonId,
        object?.selectedDisplayText ?? asObject(object?.response)?.selectedDisplayText,
      );
    case 'templateButtonReplyMessage':
      return reply('button_reply', object?.selectedId, object?.selectedDisplayText);
    case 'listResponseMessage':
      return reply('list_reply', asObject(object?.singleSelectReply)?.selectedRowId, object?.title, object?.description);
    case 'interactiveResponseMessage':
      return flowReply(object);
    default:
      return null;
  }
}

const textContent = (text: string | null): MessageContent | null =>
  text === null ? null : { message_type: 'text', content: text, payload: { text } };

function mediaContent(message_type: InboundMessageType, object: Json | null, { provider_id, kept }: Whose): MessageContent | null {
  if (!object) return null;
  const sha256 = asWords(object.fileSha256, 64);
  const media: MediaRef = {
    id: mediaId(provider_id, kept),
    mime_type: asWords(object.mimetype, 255),
    sha256: sha256 !== null && DIGEST.test(sha256) ? sha256 : null,
  };
  const payload: Json = {};
  const caption = asWords(object.caption, MAX_CAPTION);
  if (caption !== null) payload.caption = media.caption = caption;
  const filename = fileName(asText(object.fileName) ?? asText(object.title) ?? '');
  if (filename !== null) payload.filename = media.filename = filename;
  if (message_type === 'audio') payload.voice = media.voice = object.ptt === true;
  if (message_type === 'sticker') payload.animated = media.animated = object.isAnimated === true;
  return { message_type, content: caption, payload, media };
}

/** How a file is asked for: by its message, and first of all where our door put it. */
export const mediaId = (provider_id: string, kept: string | null): string => (kept === null ? provider_id : `${kept}/${provider_id}`);

export function readMediaId(id: string): { provider_id: string; kept: string | null } {
  const at = id.indexOf('/');
  return at < 0 ? { provider_id: id, kept: null } : { provider_id: id.slice(at + 1), kept: id.slice(0, at) };
}

function locationContent(location: Json | null): MessageContent | null {
  const latitude = asNumber(location?.degreesLatitude);
  const longitude = asNumber(location?.degreesLongitude);
  if (location === null || latitude === null || longitude === null) return null;
  const payload: Json = { latitude, longitude };
  for (const name of ['name', 'address', 'url'] as const) {
    const words = asWords(location[name], 2_048);
    if (words !== null) payload[name] = words;
  }
  return { message_type: 'location', content: asWords(location.caption, MAX_CAPTION), payload };
}

function contactsContent(list: unknown[]): MessageContent | null {
  const cards = list.filter(isObject).slice(0, MAX_CARDS);
  if (!cards.length) return null;
  const contacts = cards.map(({ displayName, vcard: text }) => {
    const vcard = asWords(text, MAX_VCARD);
    const card = readCard(vcard ?? '');
    return { name: asWords(displayName, 255) ?? card.name, phones: card.phones, ...(vcard !== null && { vcard }) };
  });
  return { message_type: 'contacts', content: null, payload: { contacts } };
}

/** `item1.TEL;waid=5511987654321:+55 11 98765-4321`. */
function readCard(vcard: string): { name: string | null; phones: Json[] } {
  const lines = vcard.split(/\r?\n/).slice(0, 100);
  const name = lines.find((line) => /^FN[:;]/i.test(line));
  const phones = lines.flatMap((line) => {
    const [, parameters, phone] = /^(?:[\w-]+\.)?TEL((?:;[^:]*)?):(.{1,64})$/i.exec(line) ?? [];
    if (!phone) return [];
    const wa_id = /;waid=(\d{6,15})/i.exec(parameters)?.[1];
    return [{ phone: phone.trim(), ...(wa_id && phoneOfWaId(wa_id) && { wa_id }) }];
  });
  return { name: asWords(name?.slice(name.indexOf(':') + 1), 255), phones: phones.slice(0, 20) };
}

function reply(kind: 'button_reply' | 'list_reply', id: unknown, title: unknown, description?: unknown): MessageContent {
  const words = asText(title);
  const more = asWords(description);
  return {
    message_type: 'interactive',
    content: words,
    payload: { kind, id: asText(id), title: words, ...(more !== null && { description: more }) },
  };
}

/** `paramsJson` is JSON inside a string: the id of a pressed button, or what was entered in a form. */
function flowReply(object: Json | null): MessageContent | null {
  const flow = asObject(object?.nativeFlowResponseMessage);
  const title = asText(asObject(object?.body)?.text);
  const params = parsed(asText(flow?.paramsJson, MAX_TEXT_LENGTH));
  const id = asWords(params?.id);
  if (id !== null) return reply('button_reply', id, title ?? asWords(params?.display_text) ?? asWords(params?.title), params?.description);
  if (!flow) return title === null ? null : reply('button_reply', null, title);
  return {
    message_type: 'interactive',
    content: title,
    payload: { kind: 'flow_reply', id: asText(flow.name), title, response: cleanJson(params) },
  };
}

function parsed(text: string | null): Json | null {
  try {
    return text === null ? null : asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What opens a file or a person's chat is not kept, and no thumbnails. */
function withoutKeys(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !/^(?:mediaKey|jpegThumbnail|directPath|url|contextInfo)$/.test(name)),
  );
}
