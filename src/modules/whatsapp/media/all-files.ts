import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { BEFORE_ALL } from '#common/uuid';
import { askAgain } from '#database/ask-again';
import { Database } from '#database/database';
import type { MediaFile } from './media-file.entity';
import { nameOf } from './media.service';
import { MediaStorage } from './media-storage';

const STEP = 500;
/** Types of which a compressed copy is smaller. */
const WORDY = /^(?:text\/|application\/(?:json|xml)|image\/svg)/;

/** A file as an organization takes it along. */
export interface KeptFile {
  /** The id of its row, with the ending its kind has. */
  name: string;
  compress: boolean;
  created_at: Date;
  /** null: the row says there is one, and the storage has none. */
  open(): Promise<Readable | null>;
}

type Row = Pick<MediaFile, 'id' | 'filename' | 'mime_type' | 'created_at'> & { storage_key: string };

/** Every file of an organization, for whoever takes all of it along. */
@Injectable()
export class AllFiles {
  constructor(
    private readonly database: Database,
    private readonly storage: MediaStorage,
  ) {}

  async *of(organization_id: string): AsyncGenerator<KeptFile> {
    for (let after: string = BEFORE_ALL; ;) {
      const rows = await askAgain(organization_id, () => this.rows(organization_id, after));
      for (const { storage_key, mime_type, created_at, ...file } of rows)
        yield {
          name: endedName({ ...file, mime_type }),
          compress: WORDY.test(mime_type),
          created_at,
          open: () => askAgain(organization_id, () => this.storage.open(storage_key)),
        };
      if (rows.length < STEP) return;
      after = rows[rows.length - 1].id;
    }
  }

  private rows(organization_id: string, after: string): Promise<Row[]> {
    return this.database.rows<Row>(
      `SELECT id, filename, mime_type, storage_key, created_at FROM media_files
        WHERE organization_id = $1 AND storage_key IS NOT NULL AND id > $2 ORDER BY id LIMIT ${STEP}`,
      [organization_id, after],
    );
  }
}

/** By its own ending, else by its kind. */
function endedName(file: Pick<MediaFile, 'id' | 'filename' | 'mime_type'>): string {
  const ending = /\.(\w{1,8})$/.exec(file.filename ?? '')?.[1];
  return ending ? `${file.id}.${ending.toLowerCase()}` : nameOf(file);
}
