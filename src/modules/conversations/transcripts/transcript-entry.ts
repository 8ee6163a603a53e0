import type { LocalTime } from '#common/local-clock';
import type { Language } from '#common/languages';
import { asList, asNumber, asObject, asWords, isObject, type Json } from '#modules/whatsapp/wire';
import { type Message, MessageDirection, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import { presentMessage } from '../messages/message.dto';
import type { Side, TranscriptEntry } from './transcript';
import { TRANSCRIPT_WORDS } from './transcript-words';

/** A message with what stands in other rows. */
export interface ReadMessage {
  message: Message;
  quoted: { content: string | null; message_type: MessageType; is_deleted: boolean } | null;
}

/** Who is called what. */
export interface Names {
  contact: string;
  business: string;
  /** Who of the team reacted, by id. */
  users: ReadonlyMap<string, string>;
}

const QUOTED_MAX = 120;

/** A message as it is handed out. */
export function entryOf(
  { message, quoted }: ReadMessage,
  names: Names,
  language: Language,
  clock: (at: Date) => LocalTime,
): TranscriptEntry {
  const words = TRANSCRIPT_WORDS[language];
  const shown = presentMessage(message);
  const { payload, message_type } = shown;
  const remark = message.is_deleted
    ? words.deleted
    : message.status === MessageStatus.failed
      ? words.failed
      : message.edited_at
        ? words.edited
        : null;
  return {
    id: message.id,
    side: sideOf(message),
    at: clock(message.created_at),
    direction: message.direction,
    message_type,
    name: nameOf(message, names, language),
    kind: words.kinds[message_type] ?? null,
    text: message.is_deleted ? null : textOf(message_type, shown.content, payload, language),
    file: asWords(payload.filename, 255) ?? shown.media?.filename ?? null,
    quoted: quoted && !quoted.is_deleted ? (quoted.content?.slice(0, QUOTED_MAX) ?? words.kinds[quoted.message_type] ?? null) : null,
    reactions: message.reactions.map(({ emoji, from, user_id }) => ({
      emoji,
      name: from === 'contact' ? names.contact : ((user_id && names.users.get(user_id)) ?? names.business),
    })),
    status: message.status,
    remark,
  };
}

function sideOf({ message_type, direction }: Message): Side {
  if (message_type === MessageType.note || direction === MessageDirection.internal) return 'note';
  if (message_type === MessageType.system) return 'system';
  return direction === MessageDirection.incoming ? 'contact' : 'business';
}

function nameOf({ direction, sender_type, sender_name }: Message, { contact, business }: Names, language: Language): string {
  const words = TRANSCRIPT_WORDS[language];
  if (direction === MessageDirection.incoming) return contact;
  if (sender_name) return sender_name;
  if (sender_type === SenderType.bot) return words.bot;
  return sender_type === SenderType.campaign ? words.campaign : business;
}

/** What a message says, also where WhatsApp shows it as something else than text. */
function textOf(type: MessageType, content: string | null, payload: Json, language: Language): string | null {
  const words = TRANSCRIPT_WORDS[language];
  const lines = (...parts: (string | null)[]): string | null => parts.filter(Boolean).join('\n') || null;
  switch (type) {
    case MessageType.location: {
      const [latitude, longitude] = [asNumber(payload.latitude), asNumber(payload.longitude)];
      const place = latitude !== null && longitude !== null ? `${latitude}, ${longitude}` : null;
      return lines(asWords(payload.name), asWords(payload.address), place);
    }
    case MessageType.contacts:
      return lines(...asList(payload.contacts).filter(isObject).map(cardOf));
    case MessageType.interactive: {
      const reply = asWords(payload.description, 4096);
      const titles = [
        ...asList(payload.buttons),
        ...asList(payload.sections).flatMap((section) => asList(asObject(section)?.rows)),
      ].flatMap((row) => asWords(asObject(row)?.title) ?? []);
      const options = titles.length ? `${words.options}: ${titles.join(' · ')}` : null;
      return lines(asWords(payload.header), content, reply, asWords(payload.footer), options);
    }
    case MessageType.order:
      return lines(content, words.items(asList(payload.product_items).length));
    default:
      return content;
  }
}

function cardOf(card: Json): string {
  const phones = asList(card.phones).flatMap((phone) => asWords(asObject(phone)?.phone) ?? []);
  return [asWords(card.name) ?? asWords(asObject(card.name)?.formatted_name), phones.join(', ')].filter(Boolean).join(': ');
}
