import type { Customer } from '../customer';
import { digitsOf } from '../json';
import { randomBytes } from 'node:crypto';

const USER = '@s.whatsapp.net';

/** What Evolution makes of a number: Brazil without the ninth digit from area code 31 up, Mexico and Argentina without the extra one. */
export function createJid(number: string): string {
  if (/@(g\.us|s\.whatsapp\.net|lid|newsletter)|@broadcast/.test(number)) return number;
  const bare = number.replace(/[\s+()]/g, '').split(/[:@]/)[0] ?? '';
  if (bare.includes('-') && bare.length >= 24) return `${bare.replace(/[^\d-]/g, '')}@g.us`;
  const digits = bare.replace(/\D/g, '');
  if (digits.length >= 18) return `${digits}@g.us`;
  return `${brazilian(mexicanOrArgentine(digits))}${USER}`;
}

function mexicanOrArgentine(digits: string): string {
  return /^5[24]\d{11}$/.test(digits) ? digits.slice(0, 2) + digits.slice(3) : digits;
}

function brazilian(digits: string): string {
  const [, area, first] = /^55(\d{2})\d(\d)\d{7}$/.exec(digits) ?? [];
  return area === undefined || Number(first) < 7 || Number(area) < 31 ? digits : digits.slice(0, 4) + digits.slice(5);
}

export const isGroup = (jid: string): boolean => jid.endsWith('@g.us');
export const isLid = (jid: string): boolean => jid.endsWith('@lid');

/** The digits of a user's JID, without the device. */
export function phoneOf(jid: string): string | null {
  return jid.endsWith(USER) ? (jid.split(/[:@]/)[0] ?? null) : null;
}

/** A person's JID; null for somebody whose phone nobody here knows. */
export function jidOf({ wa_id }: Pick<Customer, 'wa_id'>): string | null {
  return wa_id === null ? null : createJid(wa_id);
}

/** The number WhatsApp shows in place of a phone. It stays when the phone changes. */
export function lidOf({ user_id }: Pick<Customer, 'user_id'>): string {
  return `${digitsOf(`lid:${user_id}`, 15)}@lid`;
}

/** Baileys reads the sender's device out of an id: 22 characters with 3EB0 are its own and WhatsApp Web's, 32 an Android's. */
export const newWebId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;
export const newPhoneId = (): string => randomBytes(16).toString('hex').toUpperCase();
export function sourceOf(id: string): 'web' | 'ios' | 'android' | 'desktop' | 'unknown' {
  if (/^3A.{18}$/.test(id)) return 'ios';
  if (/^3E.{20}$/.test(id)) return 'web';
  if (/^(.{21}|.{32})$/.test(id)) return 'android';
  return /^(3F|.{18}$)/.test(id) ? 'desktop' : 'unknown';
}
