import { ValidateBy } from 'class-validator';
import type { Language } from '#common/languages';

/** Ways a notice takes to its user. */
export enum Channel {
  in_app = 'in_app',
  websocket = 'websocket',
  email = 'email',
  sms = 'sms',
  whatsapp = 'whatsapp',
}

export const CHANNELS = Object.values(Channel);

/** What a room tells users of. */
export interface NoticeType {
  /** When they are told, in one sentence; for people. */
  text: string;
  /** The ways it takes unless the user says otherwise; empty: off. */
  channels: readonly Channel[];
  /** It leaves by mail whatever the user prefers, at once, and counts in no cap: for what concerns the account itself. */
  always_by_mail?: true;
  /** Its words are somebody's own: by mail they go to confirmed addresses only, or whoever registers could have us write to anybody. */
  in_own_words?: true;
}

const TYPES = new Map<string, NoticeType>();

/** A room's type of notice, beside what tells it; answers its name. At most 40 characters. */
export function declareNotice<const T extends string>(type: T, declared: NoticeType): T {
  if (TYPES.has(type)) throw new Error(`The notice ${type} is declared twice`);
  TYPES.set(type, declared);
  return type;
}

/** A type that some room declared. */
export const IsNoticeType = (): PropertyDecorator =>
  ValidateBy({
    name: 'noticeType',
    validator: {
      validate: (type) => typeof type === 'string' && TYPES.has(type),
      defaultMessage: () => '$property must be a type of notice: `types` of GET /notifications/preferences names them all',
    },
  });

/** @throws {Error} Nobody declared it. */
export function noticeType(type: string): NoticeType {
  const declared = TYPES.get(type);
  if (!declared) throw new Error(`Nobody declared the notice ${type}`);
  return declared;
}

/** Types that leave by mail whatever the user prefers. */
export const typesAlwaysMailed = (): string[] => noticeTypes().flatMap(([type, { always_by_mail }]) => (always_by_mail ? [type] : []));

/** Every type there is, in alphabetical order. */
export const noticeTypes = (): [type: string, declared: NoticeType][] => [...TYPES].sort(([a], [b]) => (a < b ? -1 : 1));

/** What a person writes to others of the team. */
export const CUSTOM = declareNotice('custom', {
  text: 'A word of an administrator.',
  channels: [Channel.in_app, Channel.websocket],
  in_own_words: true,
});

/** What a user asks for, to see whether a channel works. */
export const TEST = declareNotice('test', { text: 'A test that the user asked for.', channels: [] });

/** One text, or the same in each language. */
export type NoticeText = string | Record<Language, string>;
