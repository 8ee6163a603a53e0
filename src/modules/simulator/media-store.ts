import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteRange, StoredFile } from '#api/answer-file';
import { GraphError } from './graph-error';
import { digitsOf } from './json';

/** A file on the disk that has no owner yet: `keep`, `upload` or `discard` it. */
export interface ArrivedFile {
  path: string;
  size_bytes: number;
  sha256: Buffer;
}

export interface StoredMedia extends ArrivedFile {
  id: string;
  phone_number_id: string;
  mime_type: string;
  filename: string | null;
}

/** A file as it is written down: its name for its path, its digest in base64. */
export interface KeptMedia extends Omit<StoredMedia, 'path' | 'sha256'> {
  file: string;
  sha256: string;
}

const MB = 1024 * 1024;
/** Meta, Cloud API "Media": no file is larger. */
export const MAX_FILE_BYTES = 100 * MB;
/** Meta, Cloud API "Media": what each kind may be and how big. */
const KINDS: readonly [pattern: RegExp, limit_bytes: number][] = [
  [/^image\/webp$/, 500 * 1024],
  [/^image\/(jpeg|png)$/, 5 * MB],
  [/^video\/(mp4|3gpp)$/, 16 * MB],
  [/^audio\/(aac|mp4|mpeg|amr|ogg|opus)$/, 16 * MB],
  [/^(text\/plain|application\/pdf|application\/msword|application\/vnd\.(ms-|openxmlformats-officedocument\.)[\w.-]+)$/, MAX_FILE_BYTES],
];

/** The media a number uploaded or received, on the disk, oldest dropped first when the store is full. */
export class MediaStore {
  private readonly files = new Map<string, StoredMedia>();
  private readonly arrived = new Set<ArrivedFile>();
  /** Of the files there are, and of those still arriving. */
  private bytes = 0;
  private count = 0;
  private opened: string | undefined;

  /** `dir` is this store's alone; what nobody said to `restore` leaves it. Without: a temporary one, which ends with the process. */
  constructor(
    private readonly dir?: string,
    private readonly max = { bytes: 1024 * MB, files: 1000 },
  ) {}

  /** Writes a stream to the disk. @throws {RangeError} the files that arrive at this moment fill the store. */
  async receive(source: Readable): Promise<ArrivedFile> {
    const path = this.newPath();
    const digest = createHash('sha256');
    let size_bytes = 0;
    const measure = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        size_bytes += chunk.length;
        this.bytes += chunk.length;
        digest.update(chunk);
        this.makeRoom();
        if (this.bytes > this.max.bytes) done(new RangeError('file: the simulator has no room for it at the moment'));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(source, measure, createWriteStream(path, { mode: 0o600 }));
    } catch (error) {
      this.bytes -= size_bytes;
      rmSync(path, { force: true });
      throw error;
    }
    const file = { path, size_bytes, sha256: digest.digest() };
    this.arrived.add(file);
    return file;
  }

  /** A number's upload. @throws {GraphError} 131053 for a type or size WhatsApp does not take. */
  upload(phone_number_id: string, file: ArrivedFile, as: { mime_type: string; filename: string | null }): StoredMedia {
    const type = (as.mime_type.split(';')[0] ?? '').trim().toLowerCase();
    const limit = KINDS.find(([pattern]) => pattern.test(type))?.[1];
    if (limit === undefined)
      throw new GraphError(131053, `Param file must be a file with one of the supported types. Received file of type '${type}'.`);
    if (file.size_bytes > limit) throw new GraphError(131053, `File is larger than ${limit} bytes for type ${type}`);
    return this.keep(phone_number_id, file, as);
  }

  /** Keeps a file without judging it: a customer may send any document. */
  keep(phone_number_id: string, file: ArrivedFile, as: { mime_type: string; filename: string | null }): StoredMedia {
    const { path, size_bytes, sha256 } = file;
    const id = `1${digitsOf(`${phone_number_id}:${++this.count}:${size_bytes}:${process.hrtime.bigint()}`, 15)}`;
    const media = { id, phone_number_id, mime_type: as.mime_type, filename: as.filename, path, size_bytes, sha256 };
    this.arrived.delete(file);
    this.files.set(id, media);
    this.makeRoom();
    return media;
  }

  /** The same for a small file that a script wrote into its JSON. */
  put(phone_number_id: string, { bytes, ...as }: { mime_type: string; filename: string | null; bytes: Buffer }): StoredMedia {
    const path = this.newPath();
    writeFileSync(path, bytes, { mode: 0o600 });
    this.bytes += bytes.length;
    return this.keep(phone_number_id, { path, size_bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest() }, as);
  }

  /** Forgets a file nobody kept; one that was kept stays. */
  discard(file: ArrivedFile): void {
    if (this.arrived.delete(file)) this.remove(file);
  }

  get(id: string): StoredMedia | undefined {
    return this.files.get(id);
  }

  /** What there is, to be written down. */
  kept(): KeptMedia[] {
    return [...this.files.values()].map(({ path, sha256, ...media }) => ({
      ...media,
      file: basename(path),
      sha256: sha256.toString('base64'),
    }));
  }

  /** What an earlier process kept, as far as its files are still there. */
  restore(kept: KeptMedia[]): void {
    for (const { file, sha256, ...media } of kept) {
      const path = join(this.dir ?? '', basename(file));
      if (this.dir === undefined || !existsSync(path)) continue;
      this.files.set(media.id, { ...media, path, sha256: Buffer.from(sha256, 'base64') });
      this.bytes += media.size_bytes;
    }
  }

  delete(id: string): boolean {
    const media = this.files.get(id);
    if (media) this.remove(media);
    return this.files.delete(id);
  }

  clear(): void {
    for (const id of this.files.keys()) this.delete(id);
  }

  close(): void {
    if (this.dir !== undefined) return;
    this.clear();
    if (this.opened !== undefined) rmSync(this.opened, { recursive: true, force: true });
    this.opened = undefined;
  }

  private makeRoom(): void {
    for (const id of this.files.keys()) {
      if (this.bytes <= this.max.bytes && this.files.size <= this.max.files) return;
      this.delete(id);
    }
  }

  private remove({ path, size_bytes }: ArrivedFile): void {
    this.bytes -= size_bytes;
    rmSync(path, { force: true });
  }

  private newPath(): string {
    this.opened ??= this.open();
    return join(this.opened, randomUUID());
  }

  private open(): string {
    if (this.dir === undefined) return mkdtempSync(join(tmpdir(), 'pytake-simulator-'));
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    const known = new Set([...this.files.values()].map(({ path }) => basename(path)));
    for (const name of readdirSync(this.dir)) if (!known.has(name)) rmSync(join(this.dir, name), { recursive: true });
    return this.dir;
  }
}

/** As the helper of all doors wants a file. */
export function fileOf({ id, mime_type, filename, path, size_bytes, sha256 }: StoredMedia): StoredFile {
  const read = (range?: ByteRange): Readable => createReadStream(path, range);
  return { filename: filename ?? id, mime_type, size_bytes, etag: sha256.toString('hex'), read };
}
