import { createHash } from 'node:crypto';
import { createWriteStream, openAsBlob } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { ByteRange } from '#api/answer-file';
import { AppError } from '#common/errors';
import { isUuid, newId } from '#common/uuid';
import { Config } from '#config/config';
import type { FileStore, ReceivedFile } from './file-store';
import { MAX_FILE_BYTES } from './file-kind';
import { LocalFiles } from './local-files';
import { S3Files } from './s3-files';

/** Where files grow; in the directory of those that stay, so that on one disk the last step is one rename. */
const ARRIVING = '.arriving';
const ARRIVING_MAX_AGE_MS = 24 * 3_600_000;

/** The bytes of files: they arrive on this machine's disk, and stay where `MEDIA_STORAGE` says. */
@Injectable()
export class MediaStorage implements OnModuleInit {
  private readonly root: string;
  private readonly store: FileStore;

  constructor({ media_storage, s3 }: Config) {
    this.root = media_storage;
    this.store = s3 ? new S3Files(s3) : new LocalFiles(media_storage);
  }

  async onModuleInit(): Promise<void> {
    await this.store.check?.();
  }

  /** Whether whoever keeps the files answers; null: this machine's disk does. */
  get ask(): (() => Promise<void>) | null {
    return this.store.ask?.bind(this.store) ?? null;
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
  async keep(file: ReceivedFile, organization_id: string): Promise<string> {
    const key = `${organization_id}/${new Date().toISOString().slice(0, 7)}/${newId()}`;
    await this.put(key, file);
    return key;
  }

  /** Gives a received file the place of this key. */
  async put(key: string, file: ReceivedFile): Promise<void> {
    try {
      await this.store.put(key, file);
    } finally {
      await this.discard(file);
    }
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
    return this.store.size(key);
  }

  /** The bytes from `start` to `end`, both included. */
  read(key: string, range?: ByteRange): Readable {
    return this.store.read(key, range);
  }

  /** All of its bytes; null: it is not there. Whoever opens it reads it or destroys it. */
  async open(key: string): Promise<Readable | null> {
    return this.store.open(key);
  }

  /** For uploads: read from the disk as it is sent, never whole in memory. What stands elsewhere is brought here for as long as `use` takes. */
  async withBlob<T>(key: string, type: string, use: (blob: Blob) => Promise<T>): Promise<T> {
    const path = this.store.pathOf?.(key);
    if (path !== undefined) return use(await openAsBlob(path, { type }));
    const copy = await this.receive(this.read(key), MAX_FILE_BYTES);
    try {
      return await use(await this.blobOf(copy, type));
    } finally {
      await this.discard(copy);
    }
  }

  /** What `receive` wrote, read from the disk as it is sent. */
  blobOf({ path }: Pick<ReceivedFile, 'path'>, type: string): Promise<Blob> {
    return openAsBlob(path, { type });
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.store.remove(keys);
  }

  /** Every file of an organization. */
  async removeAll(organization_id: string): Promise<void> {
    if (!isUuid(organization_id)) throw new Error('not an organization');
    await this.store.removeAll(organization_id);
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
}

export const tooLarge = (max_bytes: number): AppError =>
  new AppError(
    413,
    'payload_too_large',
    `The file is larger than ${max_bytes >= 1024 * 1024 ? `${Math.floor(max_bytes / 1024 / 1024)} MB` : `${Math.floor(max_bytes / 1024)} KB`}.`,
  );
