import { isDeepStrictEqual } from 'node:util';
import { Invalid } from '#common/errors';
import { withoutNulls } from '#common/given';
import type { JsonObject } from '#common/json.scalar';
import { matchKey } from '#common/phone';
import type { ContactUpdate } from './contact.dto';
import type { Contact } from './contact.entity';

type Before = Pick<
  Contact,
  | 'whatsapp_id'
  | 'wa_id'
  | 'match_key'
  | 'attributes'
  | 'opt_in'
  | 'opt_in_date'
  | 'opt_out_date'
  | 'is_blocked'
  | 'blocked_at'
  | 'blocked_reason'
>;

/** A contact before its first write: the column's defaults. */
const BLANK: Before = {
  whatsapp_id: null,
  wa_id: null,
  match_key: null,
  attributes: {},
  opt_in: true,
  opt_in_date: null,
  opt_out_date: null,
  is_blocked: false,
  blocked_at: null,
  blocked_reason: null,
};

/** All values of a new contact. Who is not asked has opted in now; who is entered as opted out never did. */
export function newContact(input: ContactUpdate, now: Date): Before & Partial<Contact> {
  const { opt_in = BLANK.opt_in } = input;
  return { ...BLANK, ...changesOf(BLANK, input, now), ...(opt_in && { opt_in_date: now }) };
}

/** What an input changes of a contact, with what follows from it: match key, consent dates, block fields. Empty when nothing changes. */
export function changesOf(before: Before, input: ContactUpdate, now: Date): Partial<Contact> {
  const { phone_number, phone, whatsapp_id, alternative_phone, attributes, ...plain } = input;
  const after: Partial<Contact> = { ...plain, ...numbersOf({ phone_number, phone, whatsapp_id, alternative_phone }) };
  if (after.whatsapp_id !== undefined && after.whatsapp_id !== before.whatsapp_id) {
    after.match_key = after.whatsapp_id && matchKey(after.whatsapp_id);
    // What WhatsApp reported was of the old number.
    after.wa_id = null;
  }
  if (attributes) after.attributes = mergeAttributes(before.attributes, attributes);

  if (after.opt_in === true && !before.opt_in) Object.assign(after, { opt_in_date: now, opt_out_date: null });
  if (after.opt_in === false && before.opt_in) Object.assign(after, { opt_in_date: null, opt_out_date: now });

  const is_blocked = after.is_blocked ?? before.is_blocked;
  if (is_blocked && !before.is_blocked) after.blocked_at = now;
  if (!is_blocked) Object.assign(after, { blocked_at: null, blocked_reason: null });

  const current = before as Partial<Contact>;
  return Object.fromEntries(
    Object.entries(after).filter(([field, value]) => value !== undefined && !isDeepStrictEqual(value, current[field as keyof Contact])),
  );
}

/** The number of three spellings; another one beside it is the alternative. */
export function numbersOf(
  input: Pick<ContactUpdate, 'whatsapp_id' | 'phone_number' | 'phone' | 'alternative_phone'>,
): Pick<ContactUpdate, 'whatsapp_id' | 'alternative_phone'> {
  const [whatsapp_id, ...others] = [input.whatsapp_id, input.phone_number, input.phone].filter((number) => number !== undefined);
  const other = others.find((number) => number && whatsapp_id && matchKey(number) !== matchKey(whatsapp_id));
  return { whatsapp_id, alternative_phone: input.alternative_phone === undefined ? other : input.alternative_phone };
}

const KEY = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const KEYS_MAX = 50;
const TEXT_MAX = 1000;
const ARRAY_MAX = 50;
const BYTES_MAX = 16 * 1024;

/** Custom attributes with `changes` laid over them; null removes a key. @throws {Invalid} outside the limits, naming each wrong key. */
export function mergeAttributes(current: JsonObject, changes: JsonObject): JsonObject {
  const wrong = Object.entries(changes).flatMap(([key, value]) => {
    const msg = KEY.test(key) ? flawOf(value) : 'a key is a letter, then letters, digits and _, 64 at most';
    return msg ? [{ loc: ['body', 'attributes', key], msg, type: 'value_error' }] : [];
  });
  if (wrong.length) throw new Invalid(wrong);
  const merged = withoutNulls({ ...current, ...changes });
  if (Object.keys(merged).length > KEYS_MAX) throw Invalid.field('attributes', `at most ${KEYS_MAX} keys`, 'validation_error', 'too_long');
  if (Buffer.byteLength(JSON.stringify(merged)) > BYTES_MAX)
    throw Invalid.field('attributes', 'at most 16 KB in all', 'validation_error', 'too_long');
  return merged;
}

function flawOf(value: unknown): string | null {
  if (!Array.isArray(value)) return scalarFlaw(value);
  if (value.length > ARRAY_MAX) return `at most ${ARRAY_MAX} values`;
  return value.map(scalarFlaw).find((flaw) => flaw !== null) ?? null;
}

function scalarFlaw(value: unknown): string | null {
  if (typeof value === 'string') return value.length > TEXT_MAX ? `at most ${TEXT_MAX} characters` : null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'must be a finite number';
  return value === null || typeof value === 'boolean' ? null : 'must be a string, a number, a boolean, null or an array of these';
}
