import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Readable, pipeline as piped } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { stringify } from 'csv-stringify';
import type { ByteRange } from '#api/answer-file';
import { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { zipOf } from '#common/zip';
import { MediaStorage } from '#modules/whatsapp/media/media-storage';
import { type DataRequest, ExportFormat } from './data-request.entity';
import { type ExportedTable, PersonalExport } from './personal-export';
import { PersonalPdf } from './pdf/personal-pdf';
import type { ExportPart } from './privacy.dto';

/** Contract 10, 10: a file is kept seven days. */
const KEPT_DAYS = 7;
const ALGORITHM = 'aes-256-gcm';

/** The key of one file, sealed with the ring: another key of the ring seals it again, and no file has to be written anew. */
interface FileKey {
  key: string;
  iv: string;
  tag: string;
}

/** Files of exports, encrypted. Among the organization's files, so they go with them. */
@Injectable()
export class ExportFiles {
  constructor(
    private readonly storage: MediaStorage,
    private readonly encryption: Encryption,
    private readonly exports: PersonalExport,
    private readonly pdfs: PersonalPdf,
  ) {}

  /** Writes the file as it reads the rows; answers what its request says from then on. */
  async write(request: DataRequest, signal: AbortSignal): Promise<Partial<DataRequest>> {
    const { organization_id, id, subject_type: type, subject_id } = request;
    const include = (request.include ?? []) as ExportPart[];
    const tables = this.exports.tables(Actor.system(organization_id), { type, id: subject_id }, include);
    const source = await this.fileOf(request, tables, include);
    const [key, iv] = [randomBytes(32), randomBytes(12)];
    const cipher = createCipheriv(ALGORITHM, key, iv);
    // Whoever reads it hears of a failure.
    const file = await this.storage.receive(
      piped(source, cipher, () => undefined),
      Infinity,
      signal,
    );
    await this.storage.put(this.keyOf(request), file);
    const sealed: FileKey = { key: key.toString('base64'), iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64') };
    const expires_at = new Date(Date.now() + KEPT_DAYS * 86_400_000);
    return {
      // The cipher keeps the length.
      size_bytes: file.size_bytes,
      expires_at,
      due_at: expires_at,
      file_key_encrypted: this.encryption.encrypt(JSON.stringify(sealed), [organization_id, id]),
    };
  }

  /** The file as it was written, or a part of it. @throws {Unopened} */
  read(request: DataRequest, range?: ByteRange): Readable {
    const { organization_id, id, file_key_encrypted } = request;
    const { key, iv, tag } = JSON.parse(this.encryption.decrypt(file_key_encrypted ?? '', [organization_id, id])) as FileKey;
    const decipher = createDecipheriv(ALGORITHM, Buffer.from(key, 'base64'), Buffer.from(iv, 'base64')).setAuthTag(
      Buffer.from(tag, 'base64'),
    );
    // Whoever reads it hears of a failure.
    const whole = piped(this.storage.read(this.keyOf(request)), decipher, () => undefined);
    return range ? Readable.from(partOf(whole, range)) : whole;
  }

  async remove(request: DataRequest): Promise<void> {
    await this.storage.remove([this.keyOf(request)]);
  }

  private async fileOf(request: DataRequest, tables: readonly ExportedTable[], include: readonly ExportPart[]): Promise<Readable> {
    switch (request.format ?? ExportFormat.json) {
      case ExportFormat.json:
        return Readable.from(this.exports.text(tables, include));
      case ExportFormat.csv:
        return tablesAsZip(tables);
      case ExportFormat.pdf:
        return this.pdfs.make(request, tables);
    }
  }

  private keyOf({ organization_id, id }: DataRequest): string {
    return `${organization_id}/exports/${id}`;
  }
}

/** A CSV for each table, which opens in a spreadsheet: no cell is taken for a formula. */
const tablesAsZip = (tables: readonly ExportedTable[]): Readable =>
  zipOf(
    tables.map(({ name, columns, rows }) => ({
      name: `${name}.csv`,
      read: () =>
        // Whoever reads it hears of a failure.
        piped(
          Readable.from(oneByOne(rows())),
          stringify({
            header: true,
            bom: true,
            columns: [...columns],
            escape_formulas: true,
            cast: { object: (value) => JSON.stringify(value) },
          }),
          () => undefined,
        ),
    })),
  );

/** What stands before it is opened too: sealed bytes have no middle to begin in. */
async function* partOf(whole: AsyncIterable<Buffer>, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of whole) {
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at));
    if (part.length) yield part;
    at += chunk.length;
    if (at > end) return;
  }
}

async function* oneByOne(batches: AsyncIterable<Record<string, unknown>[]>): AsyncGenerator<Record<string, unknown>> {
  for await (const rows of batches) yield* rows;
}
