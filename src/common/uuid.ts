import { v7, validate } from 'uuid';

/** A new id: UUIDv7, so that ids sort by time and indexes grow at one end. */
export const newId = (): string => v7();

/** True for a UUID of any version. */
export const isUuid = (value: unknown): value is string => typeof value === 'string' && validate(value);
