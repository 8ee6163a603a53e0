import { createHash } from 'node:crypto';
import { GraphError } from './graph-error';
import { digitsOf } from './json';

export interface StoredMedia {
  id: string;
  phone_number_id: string;
  mime_type: string;
  filename: string | null;
  bytes: Buffer;
  sha256: Buffer;
}

const MB = 1024 * 1024;
/** Meta, Cloud API "Media": what each kind may be and how big. */
const KINDS: readonly [pattern: RegExp, limit_bytes: number][] = [
  [/^image\/webp$/, 500 * 1024],
  [/^image\/(jpeg|png)$/, 5 * MB],
  [/^video\/(mp4|3gpp)$/, 16 * MB],
  [/^audio\/(aac|mp4|mpeg|amr|ogg|opus)$/, 16 * MB],
  [/^(text\/plain|application\/pdf|application\/msword|application\/vnd\.(ms-|openxmlformats-officedocument\.)[\w.-]+)$/, 100 * MB],
];

/** The media a number uploaded or received, oldest dropped first when the store is full. */
export class MediaStore {
  private readonly files = new Map<string, StoredMedia>();
  private bytes = 0;
  private count = 0;

  constructor(private readonly limit_bytes = 256 * MB) {}

  /** @throws {GraphError} 131053 for a type or size WhatsApp does not take. */
  upload(phone_number_id: string, file: { mime_type: string; filename: string | null; bytes: Buffer }): StoredMedia {
    const type = (file.mime_type.split(';')[0] ?? '').trim().toLowerCase();
    const limit = KINDS.find(([pattern]) => pattern.test(type))?.[1];
    if (limit === undefined)
      throw new GraphError(131053, `Param file must be a file with one of the supported types. Received file of type '${type}'.`);
    if (file.bytes.length > limit) throw new GraphError(131053, `File is larger than ${limit} bytes for type ${type}`);
    return this.put(phone_number_id, file);
  }

  /** Keeps a file without judging it: a customer may send any document. */
  put(phone_number_id: string, file: { mime_type: string; filename: string | null; bytes: Buffer }): StoredMedia {
    const media = {
      ...file,
      id: `1${digitsOf(`${phone_number_id}:${++this.count}:${file.bytes.length}:${process.hrtime.bigint()}`, 15)}`,
      phone_number_id,
      sha256: createHash('sha256').update(file.bytes).digest(),
    };
    this.files.set(media.id, media);
    this.bytes += media.bytes.length;
    for (const [id, oldest] of this.files) {
      if (this.bytes <= this.limit_bytes || id === media.id) break;
      this.delete(oldest.id);
    }
    return media;
  }

  get(id: string): StoredMedia | undefined {
    return this.files.get(id);
  }

  delete(id: string): boolean {
    const media = this.files.get(id);
    if (media) this.bytes -= media.bytes.length;
    return this.files.delete(id);
  }

  clear(): void {
    this.files.clear();
    this.bytes = 0;
  }
}
