import type { Ignored, Origin, ParsedChange, Poison } from './parsed-change';
import { cleanJson, type Json } from './wire';

/** The readers do not throw on any JSON we know of; if one ever does, it costs that item and not its neighbours. */
export function attempt(origin: Origin, item: Json, parse: () => ParsedChange): ParsedChange {
  try {
    return parse();
  } catch {
    return poison(origin, 'unreadable', item);
  }
}

export const poison = (origin: Origin, reason: Poison['reason'], item: unknown): Poison => ({
  ...origin,
  kind: 'poison',
  reason,
  item: cleanJson(item),
});

export const ignored = (origin: Origin, reason: Ignored['reason']): Ignored => ({ ...origin, kind: 'ignored', reason });
