import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from '#api/answer-file';
import { type FileStore, type ReceivedFile, ourKey } from './file-store';

/** Files in a directory. */
export class LocalFiles implements FileStore {
  constructor(private readonly root: string) {}

  /** On the same disk this is one rename: a file is there whole, or not. */
  async put(key: string, file: Pick<ReceivedFile, 'path'>): Promise<void> {
    const path = this.pathOf(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(file.path, path);
  }

  /** Puts a file of a backup back where it was. @throws When it is there, or the key is none of ours. */
  async putBack(key: string, body: AsyncIterable<Buffer>): Promise<void> {
    const path = this.pathOf(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
  }

  async size(key: string): Promise<number | null> {
    return (await unlessGone(stat(this.pathOf(key))))?.size ?? null;
  }

  read(key: string, range?: ByteRange): Readable {
    return createReadStream(this.pathOf(key), range);
  }

  async open(key: string): Promise<Readable | null> {
    return (await unlessGone(open(this.pathOf(key))))?.createReadStream() ?? null;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.pathOf(key), { force: true });
  }

  async removeAll(organization_id: string): Promise<void> {
    await rm(join(this.root, organization_id), { recursive: true, force: true });
  }

  pathOf(key: string): string {
    return join(this.root, ourKey(key));
  }
}

async function unlessGone<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
