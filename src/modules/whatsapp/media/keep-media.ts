import { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { MAX_FILE_BYTES } from './file-kind';
import type { ReceivedFile } from './file-store';
import { thumbnailKey } from './keys-of-media';
import type { MediaFile } from './media-file.entity';
import { MediaStorage } from './media-storage';
import { Thumbnails } from './thumbnails';

/** What a row says of its bytes. */
export type Stored = Pick<MediaFile, 'storage_key' | 'thumbnail_bytes'>;

/** Far more than one takes. */
const MAX_THUMBNAIL_BYTES = 1024 * 1024;

/** A file and its thumbnail come and go together. */
@Injectable()
export class KeepMedia {
  private readonly logger = new Logger(KeepMedia.name);

  constructor(
    private readonly storage: MediaStorage,
    private readonly thumbnails: Thumbnails,
  ) {}

  /** Gives a received file its place, before its row; whose row comes to nothing removes it. */
  async keep(file: ReceivedFile, mime_type: string, organization_id: string): Promise<Stored> {
    const thumbnail = await this.thumbnails.make(file, mime_type, organization_id);
    const storage_key = await this.storage.keep(file, organization_id);
    return { storage_key, thumbnail_bytes: thumbnail && (await this.keepBeside(storage_key, thumbnail)) };
  }

  /** The thumbnail of a file that was kept without one; null: it gets none, or not now. */
  async keepThumbnail(storage_key: string, mime_type: string, organization_id: string): Promise<number | null> {
    const copy = await this.storage.receive(this.storage.read(storage_key), MAX_FILE_BYTES);
    try {
      const thumbnail = await this.thumbnails.make(copy, mime_type, organization_id);
      return thumbnail && (await this.keepBeside(storage_key, thumbnail));
    } finally {
      await this.storage.discard(copy);
    }
  }

  async remove(files: readonly Stored[]): Promise<void> {
    await this.storage.remove(
      files.flatMap(({ storage_key: key, thumbnail_bytes }) =>
        key === null ? [] : thumbnail_bytes === null ? key : [key, thumbnailKey(key)],
      ),
    );
  }

  /** A file is worth more than its thumbnail: null, it has none. */
  private async keepBeside(storage_key: string, thumbnail: Uint8Array): Promise<number | null> {
    try {
      await this.storage.put(thumbnailKey(storage_key), await this.storage.receive(Readable.from([thumbnail]), MAX_THUMBNAIL_BYTES));
      return thumbnail.length;
    } catch (error) {
      this.logger.warn({ msg: 'a thumbnail was not kept', reason: (error as Error).message });
      return null;
    }
  }
}
