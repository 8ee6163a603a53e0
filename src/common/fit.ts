import { type ErrorDetail, Invalid } from './errors';

/** Deeper than any input of ours, shallow enough for all that recurses over it later: validators, serialisers, PostgreSQL's JSON. */
export const DEPTH_MAX = 32;
/** More than any input of ours has; what comes after this check takes its time for each. */
const VALUES_MAX = 20_000;
/** Places one error names. */
export const MISTAKES_MAX = 10;

/**
 * No name that every object has by itself: code that asks a value for it (class-transformer for its class, String() for its text) must not be
 * handed a stranger's, and copying `__proto__` changes what the copy is.
 */
export const isFitName = (key: string): boolean => !(key in Object.prototype) && key !== 'prototype';

/** A list or object still to be looked into, and the way to it. */
interface Spot {
  value: object;
  key: string | number;
  above: Spot | null;
  depth: number;
}

/**
 * Refuses what no room can take: nesting beyond DEPTH_MAX, more than VALUES_MAX values, names that are JavaScript's own, and text with U+0000 or
 * half a surrogate pair, which PostgreSQL keeps neither in text nor in JSON. Without recursion, and before anything that recurses: the value is a
 * stranger's.
 * @throws {Invalid} naming each place.
 */
export function assertFit(value: unknown, ...place: (string | number)[]): void {
  const mistakes: ErrorDetail[] = [];
  const open: Spot[] = [];
  let values = 0;

  const wrong = (key: string | number, above: Spot | null, msg: string, type: string): void => {
    if (mistakes.length >= MISTAKES_MAX) return;
    const way = above ? [key] : [];
    for (let at = above; at?.above; at = at.above) way.unshift(at.key);
    mistakes.push({ loc: [...place, ...way], msg, type });
  };
  const look = (item: unknown, key: string | number, above: Spot | null): void => {
    if (++values > VALUES_MAX) throw new Invalid([{ loc: place, msg: `has more than ${VALUES_MAX} values`, type: 'too_many' }]);
    if (typeof item === 'string') {
      if (!isFitText(item)) wrong(key, above, 'contains a character that cannot be stored', 'string_unicode');
    } else if (typeof item === 'object' && item !== null) {
      const depth = above ? above.depth + 1 : 1;
      if (depth > DEPTH_MAX) wrong(key, above, `is nested more than ${DEPTH_MAX} levels deep`, 'too_deep');
      else open.push({ value: item, key, above, depth });
    }
  };

  look(value, '', null);
  // The list grows while it is walked.
  for (const spot of open) {
    if (Array.isArray(spot.value)) for (let n = 0; n < spot.value.length; n++) look(spot.value[n], n, spot);
    else
      for (const key of Object.keys(spot.value)) {
        if (!isFitText(key)) look(key, key, spot);
        if (!isFitName(key)) wrong(key, spot, 'is a name no field may have', 'reserved_name');
        look((spot.value as Record<string, unknown>)[key], key, spot);
      }
    if (mistakes.length >= MISTAKES_MAX) break;
  }
  if (mistakes.length) throw new Invalid(mistakes);
}

/** Can be stored as it is. */
export const isFitText = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

/** PostgreSQL refuses U+0000 and half surrogate pairs in text and jsonb, and JSON may carry both: what of a text can be kept, cut to `max`. */
export function fitText(text: string, max = Infinity): string {
  let fit = text.includes('\0') ? text.replaceAll('\0', '') : text;
  if (fit.length > max) fit = fit.slice(0, isHighSurrogate(fit, max - 1) ? max - 1 : max);
  return fit.isWellFormed() ? fit : fit.toWellFormed();
}

const isHighSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800;
