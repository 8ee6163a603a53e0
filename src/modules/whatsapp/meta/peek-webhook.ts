import { matchKey } from '#common/phone';
import { type Json, asId, asList, asObject, isObject } from '../wire';
import { personIds } from './person-ids';

/** Which secrets can have signed this body: the numbers it names, and the WABAs of the changes that name none. */
export function peekNumbers(payload: unknown): { phone_number_ids: string[]; waba_ids_without_number: string[] } {
  const numbers = new Set<string>();
  const wabas = new Set<string>();
  if (isObject(payload)) {
    for (const entry of asList(payload.entry)) {
      if (!isObject(entry)) continue;
      const waba_id = asId(entry.id);
      for (const change of asList(entry.changes)) {
        const number = isObject(change) && isObject(change.value) ? numberOf(change.value) : null;
        if (number !== null) numbers.add(number);
        else if (waba_id !== null) wabas.add(waba_id);
      }
    }
  }
  return { phone_number_ids: [...numbers], waba_ids_without_number: [...wabas] };
}

/**
 * The phone of whom a body is about, in one spelling: nearly always one message or one status of one person. Null where it is anything else, also
 * where they hide their phone: what comes under their id alone may belong to somebody known by phone.
 */
export function peekPerson(payload: unknown): string | null {
  const change = onlyOf(asObject(onlyOf(asObject(payload)?.entry))?.changes);
  const { field, value } = asObject(change) ?? {};
  if (field !== 'messages' || !isObject(value) || value.errors !== undefined) return null;
  const { messages, statuses } = value;
  const item = asObject(messages === undefined ? onlyOf(statuses) : statuses === undefined ? onlyOf(messages) : null);
  // A number that changes is about two.
  if (!item || item.type === 'system') return null;
  const { phone } = personIds(messages ? item.from : item.recipient_id);
  return phone ? matchKey(phone) : null;
}

const onlyOf = (list: unknown): unknown => (Array.isArray(list) && list.length === 1 ? (list[0] as unknown) : null);

/** The phone_number_id a change's value names. */
export const numberOf = (value: Json): string | null => (isObject(value.metadata) ? asId(value.metadata.phone_number_id) : null);
