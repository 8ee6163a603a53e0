import { phoneOfWaId } from '#common/phone';
import type { PersonIds } from '../parsed-change';
import { type Json, asWords } from '../wire';

/** `5511987654321:12@s.whatsapp.net`: user, device, domain. */
const JID = /^(\d{5,20})(?:_\d+)?(?::\d+)?@(s\.whatsapp\.net|c\.us|lid)$/;

/**
 * Whom a message's key names: the person of the chat, by phone, by LID, or both. null: a group, a channel, a broadcast, nobody.
 * Evolution writes the phone of a LID under `remoteJidAlt`; servers before 2.3.3 under `senderPn`, and some not at all.
 */
export function personOfKey(key: Json): PersonIds | null {
  return personOf(key.remoteJid, key.remoteJidAlt, key.fromMe === true ? null : key.senderPn, key.fromMe === true ? null : key.senderLid);
}

/** The first JID says whose chat it is; the others name the same person. */
export function personOf(chat: unknown, ...others: unknown[]): PersonIds | null {
  if (!Object.keys(namesOf(chat)).length) return null;
  return [chat, ...others].reduce<PersonIds>((ids, jid) => ({ ...namesOf(jid), ...ids }), {});
}

function namesOf(jid: unknown): PersonIds {
  const [, user, domain] = JID.exec(asWords(jid, 128) ?? '') ?? [];
  if (!user) return {};
  if (domain === 'lid') return { lid: `${user}@lid` };
  const phone = phoneOfWaId(user);
  return phone === null ? {} : { phone };
}

/** How a person is addressed: digits, or their LID. null: by neither. */
export const recipientOf = ({ phone, bsuid }: { phone?: string | null; bsuid?: string | null }): string | null =>
  phone ? phone.replace(/^\+/, '') : bsuid?.endsWith('@lid') ? bsuid : null;

export const jidOf = (recipient: string): string => (recipient.includes('@') ? recipient : `${recipient}@s.whatsapp.net`);
