import { createHash, randomBytes } from 'node:crypto';
import { isObject } from '#common/is-object';

export { isObject };

export type JsonObject = Record<string, unknown>;

export function objectAt(value: unknown, key: string): JsonObject | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : undefined;
}

export function stringAt(value: unknown, key: string): string | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === 'string' ? found : undefined;
}

export function listAt(value: unknown, key: string): unknown[] {
  const found = isObject(value) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
}

/** The object without its undefined values: Meta leaves a key out, it never sends an empty one. */
export function compact(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));
}

export function newWamid(): string {
  return `wamid.HBgN${randomBytes(27).toString('base64')}`;
}

/** A number of `length` digits that is always the same for the same text. */
export function digitsOf(text: string, length: number): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return BigInt(`0x${hex}`).toString().slice(0, length).padEnd(length, '7');
}
