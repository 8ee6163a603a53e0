import type { Readable } from 'node:stream';
import type { ByteRange } from '#api/answer-file';

/** A file on this machine's disk that has no place yet: `MediaStorage` gives it one, or discards it. */
export interface ReceivedFile {
  path: string;
  size_bytes: number;
  /** Hex. */
  sha256: string;
}

/** organization / month / file, or what is kept beside it: ids of ours only, so that no name from outside ever becomes a path. */
const KEY = /^[0-9a-f-]{36}\/(\d{4}-\d{2}|exports)\/[0-9a-f-]{36}(\.thumbnail)?$/;

/** Where files stay. All that an organization has is found by its id, with which its keys begin. */
export interface FileStore {
  /** Puts a file in its place; what stood at `file.path` may be gone then. */
  put(key: string, file: ReceivedFile): Promise<void>;
  /** null: it is not there. */
  size(key: string): Promise<number | null>;
  /** The bytes from `start` to `end`, both included; all of them without a range. */
  read(key: string, range?: ByteRange): Readable;
  /** All of its bytes; null: it is not there. */
  open(key: string): Promise<Readable | null>;
  /** What is not there is gone already. */
  remove(keys: readonly string[]): Promise<void>;
  /** Every file of an organization. */
  removeAll(organization_id: string): Promise<void>;
  /** Where it stands on this machine's disk, if it does. */
  pathOf?(key: string): string;
  /** At the start. @throws {ConfigError} No file can be kept here as it is set up. */
  check?(): Promise<void>;
  /** Whether it answers, where somebody else keeps it. @throws It does not. */
  ask?(): Promise<void>;
}

/** @throws Somebody else made up this key. */
export function ourKey(key: string): string {
  if (!KEY.test(key)) throw new Error('not a key of the media storage');
  return key;
}
