import { fitText } from '#common/fit';
import { isObject } from '#common/is-object';
import { oneLine } from '#common/one-line';

/** Reading JSON that somebody else wrote: every reader answers null for what is not there or not what it should be. */

export type Json = Record<string, unknown>;

/** Meta's ids are far shorter; a longer one is not an id (and would not fit our indexes). */
const MAX_ID_LENGTH = 512;
/** WhatsApp lets a person type this much into one message. */
export const MAX_TEXT_LENGTH = 65_536;
const MAX_DEPTH = 24;
const MAX_ITEMS = 1_000;
/** Unix seconds of the year 2100: whatever is later is no timestamp (milliseconds, most likely). */
const MAX_UNIX_SECONDS = 4_102_444_800;

export { isObject };

export const asObject = (value: unknown): Json | null => (isObject(value) ? value : null);

export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export function asText(value: unknown, max = 1_024): string | null {
  return typeof value === 'string' ? fitText(value, max) : null;
}

/** Text that says something: an empty one counts as absent. */
export function asWords(value: unknown, max = 1_024): string | null {
  const text = asText(value, max);
  return text === null || text === '' ? null : text;
}

/** A name somebody gave, as one line. */
export const asName = (value: unknown, max: number): string | null => oneLine(asText(value, max) ?? '') || null;

/** An id as text; integers are accepted where Meta writes the same id sometimes as a number. */
export function asId(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : null;
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH && isPlain(value) ? value : null;
}

/** No control characters, no half surrogates: such an id could not be stored as it is, and never matches another. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return true;
}

export function asNumber(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || value.length > 32 || value.trim() === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

export const asBool = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);

/** Unix seconds: a string in messages and statuses, an integer elsewhere. */
export function asTime(value: unknown): Date | null {
  let seconds: number;
  if (typeof value === 'number') seconds = value;
  else if (typeof value === 'string' && /^\d{1,10}$/.test(value)) seconds = Number(value);
  else return null;
  return seconds > 0 && seconds < MAX_UNIX_SECONDS ? new Date(Math.floor(seconds) * 1_000) : null;
}

/**
 * A copy that PostgreSQL's jsonb accepts and that is bounded in depth and width. For the parts kept as they came
 * (unknown kinds, poison, referrals), never for the common path.
 */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return fitText(value, MAX_TEXT_LENGTH);
  if (typeof value !== 'object' || value === null) return typeof value === 'number' && !Number.isFinite(value) ? null : value;
  if (depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => cleanJson(item, depth + 1));
  const out: Json = {};
  let kept = 0;
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') continue;
    if (++kept > MAX_ITEMS) break;
    out[fitText(key, MAX_ID_LENGTH)] = cleanJson(item, depth + 1);
  }
  return out;
}

export function cleanObject(value: unknown): Json | null {
  return isObject(value) ? (cleanJson(value) as Json) : null;
}
