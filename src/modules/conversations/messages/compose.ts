import { Invalid } from '#common/errors';
import { isBlank } from '#common/fields';
import { fileName } from '#common/file-name';
import { isObject } from '#common/is-object';
import type { JsonObject } from '#common/json.scalar';
import type { Language } from '#common/languages';
import { normalizePhone } from '#common/phone';
import { type MessageMedia, MessageType } from './message.entity';
import {
  type MessageSendRequest,
  type SendAudio,
  type SendButtons,
  type SendContact,
  type SendDocument,
  type SendList,
  type SendLocation,
  type SendMedia,
  type SendTemplate,
  type SendText,
} from './send.dto';
import {
  type ButtonInput,
  CAPTION_MAX,
  type CardInput,
  type ListSectionInput,
  MEDIA_TYPES,
  type MediaType,
  TEXT_MAX,
} from './message-parts.dto';
import type { TemplateValuesInput } from './template-values.dto';

/** What is to be said, whatever door it came through. */
export interface Draft {
  /** null: whatever kind the file of `media_id` is. */
  message_type: MessageType | null;
  content: string | null;
  payload: JsonObject;
  /** A file of ours (`POST /whatsapp/media`). */
  media_id?: string;
  /** Looked up and checked against its variables when it is sent. */
  template?: TemplateValuesInput;
}

const LIST_ROWS_MAX = 10;

export function composeText(input: SendText): Draft {
  if (input.type === 'template') return composeTemplate(input);
  if (!input.message) throw Invalid.field('message', 'message is required', undefined, 'missing');
  return text('message', input.message, input.preview_url);
}

export function composeTemplate(
  input: Pick<SendTemplate, 'template_id' | 'template_name' | 'language' | 'parameters' | 'components'> & Partial<SendTemplate>,
): Draft {
  const { template_id, template_name, language, parameters, header_parameters, button_parameters, components } = input;
  if (!template_id && !template_name)
    throw Invalid.field('template_name', 'template_name or template_id is required', undefined, 'missing');
  return {
    message_type: MessageType.template,
    content: null,
    payload: {},
    template: { template_id, template_name, language, parameters, header_parameters, button_parameters, components },
  };
}

export const composeMedia = (input: SendMedia): Draft => media(input.type, input.media_url, input.media_id, 'media_url', input);

export const composeAudio = (input: SendAudio): Draft =>
  media('audio', input.audio_url, input.media_id, 'audio_url', { voice: input.voice });

export const composeDocument = (input: SendDocument): Draft => media('document', input.document_url, input.media_id, 'document_url', input);

export function composeLocation({
  latitude,
  longitude,
  name,
  address,
}: Pick<SendLocation, 'latitude' | 'longitude' | 'name' | 'address'>): Draft {
  return { message_type: MessageType.location, content: name ?? address ?? null, payload: given({ latitude, longitude, name, address }) };
}

export function composeContacts(input: Pick<SendContact, 'contact' | 'contacts'>): Draft {
  const cards = input.contacts ?? (input.contact ? [input.contact] : []);
  if (!cards.length) throw Invalid.field('contact', 'contact or contacts is required', undefined, 'missing');
  return { message_type: MessageType.contacts, content: cards.map((card) => card.name).join(', '), payload: { contacts: cards.map(card) } };
}

export function composeButtons({
  message,
  header,
  footer,
  buttons: list,
}: Pick<SendButtons, 'message' | 'header' | 'footer' | 'buttons'>): Draft {
  return buttons(message, list, header, footer, ['buttons']);
}

export function composeList(input: Pick<SendList, 'body' | 'title' | 'footer' | 'button_text' | 'sections'>): Draft {
  return list(input.body, input.sections, input.button_text, input.title, input.footer, ['sections']);
}

const PHONE_WANTED: Record<Language, string> = {
  'pt-BR': 'Você pode compartilhar o seu número de telefone?',
  en: 'Could you share your phone number?',
};

/** A button by which a person whose phone is hidden shares it. */
export function composePhoneRequest(language: Language): Draft {
  const body = PHONE_WANTED[language];
  return { message_type: MessageType.interactive, content: body, payload: { kind: 'request_contact_info', body } };
}

/** A message into a conversation: the type said, or inferred from what is there. */
export function composeRequest(input: MessageSendRequest): Draft {
  const object = isObject(input.content) ? (input.content as JsonObject) : null;
  if (input.content !== undefined && input.content !== null && typeof input.content !== 'string' && !object)
    throw Invalid.field('content', 'content must be a text or an object', undefined, 'string_type');
  const words = typeof input.content === 'string' ? input.content : undefined;
  const type = input.message_type ?? inferType(input, object);
  switch (type) {
    case 'template':
      return composeTemplate({ ...templateOf(object), ...input.template });
    case 'location':
      if (!input.location) throw Invalid.field('location', 'location is required', undefined, 'missing');
      return composeLocation(input.location);
    case 'contacts':
      return composeContacts({ contacts: input.contacts });
    case 'interactive': {
      const { interactive } = input;
      if (!interactive) throw Invalid.field('interactive', 'interactive is required', undefined, 'missing');
      if (interactive.kind === 'buttons') {
        if (!interactive.buttons) throw Invalid.field('interactive', 'buttons are required', undefined, 'missing');
        return buttons(interactive.body, interactive.buttons, interactive.header, interactive.footer, ['interactive', 'buttons']);
      }
      if (!interactive.sections || !interactive.button_text)
        throw Invalid.field('interactive', 'sections and button_text are required', undefined, 'missing');
      return list(interactive.body, interactive.sections, interactive.button_text, interactive.header, interactive.footer, [
        'interactive',
        'sections',
      ]);
    }
    case 'text': {
      const body = words ?? textOf(object?.text);
      if (!body) throw Invalid.field('content', 'content is required', undefined, 'missing');
      return text('content', body, input.preview_url ?? (object?.preview_url === true ? true : undefined));
    }
    default:
      if (type !== null && !isMediaType(type)) throw Invalid.field('message_type', `A message of type ${type} cannot be sent`);
      return media(type, input.media_url ?? textOf(object?.url), input.media_id, 'media_url', {
        caption: input.media_caption ?? textOf(object?.caption) ?? words,
        filename: input.filename ?? textOf(object?.filename),
        voice: input.voice,
      });
  }
}

/** null: whatever the file of `media_id` is. */
function inferType(input: MessageSendRequest, object: JsonObject | null): string | null {
  if (input.template || typeof object?.name === 'string') return 'template';
  if (input.media_id && !input.media_type) return null;
  if (input.media_url || input.media_id || typeof object?.url === 'string') return mediaTypeOf(input.media_type);
  if (input.location) return 'location';
  if (input.contacts) return 'contacts';
  return input.interactive ? 'interactive' : 'text';
}

const isMediaType = (type: string): type is MediaType => (MEDIA_TYPES as readonly string[]).includes(type);

/** `image`, or the family of a MIME type; anything else is a document. */
function mediaTypeOf(media_type: string | undefined): MediaType {
  const family = media_type?.split('/')[0];
  return MEDIA_TYPES.find((type) => type === family) ?? 'document';
}

function templateOf(object: JsonObject | null): Partial<TemplateValuesInput> {
  if (!object) return {};
  return given({
    template_name: textOf(object.name),
    language: textOf(object.language),
    components: Array.isArray(object.components) ? object.components : undefined,
  });
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);

function assertWords(field: string, words: string, max: number): void {
  if (isBlank(words)) throw Invalid.field(field, 'White space is not text');
  if (words.length > max) throw Invalid.field(field, `${field} may have at most ${max} characters`, undefined, 'string_too_long');
}

function text(field: string, body: string, preview_url?: boolean): Draft {
  assertWords(field, body, TEXT_MAX);
  return { message_type: MessageType.text, content: body, payload: given({ text: body, preview_url }) };
}

function media(
  type: MediaType | null,
  link: string | undefined,
  media_id: string | undefined,
  field: string,
  { caption, filename, voice }: { caption?: string; filename?: string | null; voice?: boolean },
): Draft {
  if (!link === !media_id) throw Invalid.field(field, `Give ${field} or media_id, and not both`, undefined, 'missing');
  if (caption) assertWords('caption', caption, CAPTION_MAX);
  if (caption && type) assertMayHaveCaption(type);
  const name = filename == null ? undefined : fileName(filename);
  return {
    message_type: type && MessageType[type],
    content: caption ?? null,
    payload: given({ caption, filename: name, voice, link }),
    media_id,
  };
}

function assertMayHaveCaption(type: string): void {
  if (type === 'audio' || type === 'sticker')
    throw Invalid.field('caption', `WhatsApp shows no caption under ${type === 'audio' ? 'an audio' : 'a sticker'}`);
}

/**
 * What a draft with this file is sent as: as what it says, else as what the file is. Any file may go as a document.
 * @throws {Invalid} It says another kind than the file is of.
 */
export function typeWithFile({ message_type, content }: Pick<Draft, 'message_type' | 'content'>, { mime_type }: MessageMedia): MessageType {
  const kind = mime_type === 'image/webp' ? MessageType.sticker : MessageType[mediaTypeOf(mime_type)];
  if (message_type && message_type !== kind && message_type !== MessageType.document)
    throw Invalid.field('media_id', `The file is ${mime_type}: it cannot be sent as ${message_type}, but as ${kind} or document`);
  if (content !== null) assertMayHaveCaption(message_type ?? kind);
  return message_type ?? kind;
}

function card({ name, phone, email, organization }: CardInput, index: number): JsonObject {
  const number = normalizePhone(phone);
  if (!number) throw new Invalid([{ loc: ['body', 'contacts', index, 'phone'], msg: 'phone is not a phone number', type: 'phone' }]);
  return given({
    name,
    phones: [{ phone: number, wa_id: number.slice(1), type: 'CELL' }],
    emails: email ? [email] : undefined,
    organization,
  });
}

function buttons(body: string, list: ButtonInput[], header: string | undefined, footer: string | undefined, loc: string[]): Draft {
  if (body.length > 1024)
    throw Invalid.field('body', 'The text over buttons may have at most 1024 characters', undefined, 'string_too_long');
  if (new Set(list.map((button) => button.title)).size < list.length)
    throw new Invalid([{ loc: ['body', ...loc], msg: 'Each button needs a title of its own', type: 'unique' }]);
  return {
    message_type: MessageType.interactive,
    content: body,
    payload: given({ kind: 'buttons', header, body, footer, buttons: list.map(({ id, title }) => ({ id, title })) }),
  };
}

function list(
  body: string,
  sections: ListSectionInput[],
  button_text: string,
  header: string | undefined,
  footer: string | undefined,
  loc: string[],
): Draft {
  const rows = sections.flatMap((section) => section.rows);
  const wrong = (msg: string): Invalid => new Invalid([{ loc: ['body', ...loc], msg, type: 'value_error' }]);
  if (rows.length > LIST_ROWS_MAX) throw wrong(`A list may have at most ${LIST_ROWS_MAX} rows in all`);
  if (new Set(rows.map((row) => row.id)).size < rows.length) throw wrong('Each row needs an id of its own');
  if (sections.length > 1 && sections.some((section) => !section.title)) throw wrong('Each of several sections needs a title');
  return {
    message_type: MessageType.interactive,
    content: body,
    payload: given({
      kind: 'list',
      header,
      body,
      footer,
      button_text,
      sections: sections.map(({ title, rows: own }) =>
        given({ title, rows: own.map(({ id, title: name, description }) => given({ id, title: name, description })) }),
      ),
    }),
  };
}

/** Without what was not given. */
const given = <T extends object>(values: T): T & JsonObject =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null)) as T & JsonObject;
