import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import { AppError } from '#common/errors';
import { isUuid, newId } from '#common/uuid';
import { Config } from '#config/config';

/** A file on this machine's disk that has no place yet: `keep` or `discard` it. */
export interface ReceivedFile {
  path: string;
  size_bytes: number;
  /** Hex. */
  sha256: string;
}

/** organization / month / file: ids of ours only, so that no name from outside ever becomes a path. */
const KEY = /^[0-9a-f-]{36}\/\d{4}-\d{2}\/[0-9a-f-]{36}$/;
/** Where files grow; on the same disk, so that the last step is one rename. */
const ARRIVING = '.arriving';
const ARRIVING_MAX_AGE_MS = 24 * 3_600_000;

/** The bytes of media files, in the directory `MEDIA_STORAGE`. */
@Injectable()
export class MediaStorage {
  private readonly root: string;

  constructor(config: Config) {
    this.root = config.media_storage;
  }

  /** Writes a stream to the disk. @throws {AppError} 413 beyond `max_bytes`; nothing is left behind then. */
  async receive(source: Readable, max_bytes: number, signal?: AbortSignal): Promise<ReceivedFile> {
    const path = join(this.root, ARRIVING, newId());
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const digest = createHash('sha256');
    let size_bytes = 0;
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done): void {
        size_bytes += chunk.length;
        if (size_bytes > max_bytes) return done(tooLarge(max_bytes));
        digest.update(chunk);
        done(null, chunk);
      },
    });
    try {
      // Flushed: a row that says "ready" must not outlive its bytes in a power cut.
      await pipeline(source, measure, createWriteStream(path, { mode: 0o600, flush: true }), { signal });
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return { path, size_bytes, sha256: digest.digest('hex') };
  }

  /** Gives a received file its place; answers the key. */
  async keep(file: Pick<ReceivedFile, 'path'>, organization_id: string): Promise<string> {
    const key = `${organization_id}/${new Date().toISOString().slice(0, 7)}/${newId()}`;
    const path = this.path(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(file.path, path);
    return key;
  }

  /** Puts a file of a backup back where it was. @throws When it is there, or the key is none of ours. */
  async putBack(key: string, body: AsyncIterable<Buffer>): Promise<void> {
    const path = this.path(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
  }

  /** What `receive` wrote under this name, gone once it is read; null: it is not on this machine, or was read before. */
  async takeArrived(name: string): Promise<Readable | null> {
    if (!isUuid(name)) return null;
    const path = join(this.root, ARRIVING, name);
    const file = await open(path).catch(() => null);
    await rm(path, { force: true });
    // Its bytes stay as long as it is open.
    return file?.createReadStream() ?? null;
  }

  async discard(file: Pick<ReceivedFile, 'path'>): Promise<void> {
    await rm(file.path, { force: true });
  }

  /** null: it is not there. */
  async size(key: string): Promise<number | null> {
    try {
      return (await stat(this.path(key))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** The bytes from `start` to `end`, both included. */
  read(key: string, range?: { start: number; end: number }): Readable {
    return createReadStream(this.path(key), range);
  }

  /** For uploads: read from the disk as it is sent, never whole in memory. */
  blob(key: string, type: string): Promise<Blob> {
    return openAsBlob(this.path(key), { type });
  }

  async remove(key: string): Promise<void> {
    await rm(this.path(key), { force: true });
  }

  /** Every file of an organization. */
  async removeAll(organization_id: string): Promise<void> {
    if (!isUuid(organization_id)) throw new Error('not an organization');
    await rm(join(this.root, organization_id), { recursive: true, force: true });
  }

  /** Forgets what a process that died was receiving. */
  async sweep(): Promise<void> {
    const names = await readdir(join(this.root, ARRIVING)).catch(() => []);
    for (const name of names) {
      const path = join(this.root, ARRIVING, name);
      const found = await stat(path).catch(() => null);
      if (found && Date.now() - found.mtimeMs > ARRIVING_MAX_AGE_MS) await rm(path, { force: true });
    }
  }

  private path(key: string): string {
    if (!KEY.test(key)) throw new Error('not a key of the media storage');
    return join(this.root, key);
  }
}

export const tooLarge = (max_bytes: number): AppError =>
  new AppError(
    413,
    'payload_too_large',
    `The file is larger than ${max_bytes >= 1024 * 1024 ? `${Math.floor(max_bytes / 1024 / 1024)} MB` : `${Math.floor(max_bytes / 1024)} KB`}.`,
  );
