import type { JsonObject } from './json.scalar';

/** The fields that say something: those that are undefined are left out. */
export const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;

/** The same without what is null: what is not wanted, or goes back to its default. */
export const withoutNulls = <T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as { [K in keyof T]?: NonNullable<T[K]> };

/** Given fields over stored ones; null takes one back to its default. */
export const overlaid = (stored: JsonObject, changes: object): JsonObject => withoutNulls({ ...stored, ...given(changes) }) as JsonObject;
