import type { ParsedChange } from '#modules/whatsapp/parsed-change';
import { parseWebhook } from '#modules/whatsapp/meta/parse-webhook';
import { META, type MetaPayload } from './meta-payloads';

/** The only item of a body, of the kind it must be. */
export function one<K extends ParsedChange['kind']>(payload: MetaPayload, kind: K): Extract<ParsedChange, { kind: K }> {
  const items = parseWebhook(payload);
  expect(items.map((item) => item.kind)).toEqual([kind]);
  return items[0] as Extract<ParsedChange, { kind: K }>;
}

export const value = (payload: MetaPayload): Record<string, unknown> => payload.entry[0]?.changes[0]?.value ?? {};
export const item = (payload: MetaPayload, list = 'messages'): Record<string, unknown> =>
  (value(payload)[list] as Record<string, unknown>[])[0] ?? {};

export const PHONE = `+${META.from}`;
