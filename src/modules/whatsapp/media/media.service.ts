import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { type StoredFile, answerFile } from '#api/answer-file';
import type { Actor } from '#common/actor';
import { AppError, Conflict, Invalid, NotFound } from '#common/errors';
import { fileName } from '#common/file-name';
import { Turns } from '#common/turns';
import { Database, type Tx } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import type { OurFile } from '../provider';
import { UnsendableMessage } from '../provider-failure';
import { Providers } from '../providers';
import { getsThumbnail, metaType, sendLimit, sniff } from './file-kind';
import type { ReceivedFile } from './file-store';
import { KeepMedia, type Stored } from './keep-media';
import { thumbnailKey } from './keys-of-media';
import { MediaFile } from './media-file.entity';
import { type Media, type MediaOfMessage, mediaOfMessage, presentMedia } from './media.dto';
import { MediaQuota } from './media-quota';
import { MediaStorage, tooLarge } from './media-storage';

/** Meta keeps an upload for 30 days; a day less, for messages that wait. */
const PROVIDER_COPY_DAYS = 29;
/** Uploads nobody sends are deleted after this. */
const UNUSED_HOURS = 24;
const SWEEP_BATCH = 100;

/** A file as it came in through the upload door. */
export type UploadedFile = ReceivedFile & { name: string };

/** Files of messages: kept here, handed to Meta, handed out. */
@Injectable()
export class MediaService {
  private readonly uploading = new Map<string, Promise<string>>();
  private readonly late = new Turns(1, { line_max: 50, wait_ms: 10_000 });

  constructor(
    private readonly database: Database,
    private readonly storage: MediaStorage,
    private readonly keeping: KeepMedia,
    private readonly providers: Providers,
    private readonly quota: MediaQuota,
  ) {}

  /**
   * Keeps an agent's file for later sends.
   * @throws {Invalid} unsupported_file: by content it is nothing WhatsApp takes. @throws {AppError} 413. @throws {Conflict} media_quota_exceeded.
   */
  async upload(actor: Actor, file: UploadedFile | undefined): Promise<Media> {
    if (!file) throw Invalid.field('file', 'file is missing: send multipart/form-data with the file in this field', undefined, 'missing');
    try {
      const filename = fileName(file.name);
      const mime_type = await sniff(file.path, filename);
      const limit = mime_type && (await sendLimit(file.path, mime_type));
      if (!mime_type || !limit)
        throw Invalid.field(
          'file',
          `WhatsApp does not take this kind of file (${mime_type ?? 'unknown content'}).`,
          'unsupported_file',
          'unsupported_file',
        );
      if (file.size_bytes > limit) throw tooLarge(limit);
      return presentMedia(await this.keep(actor, file, { mime_type, filename }));
    } finally {
      await this.storage.discard(file);
    }
  }

  /**
   * The file a send names; from the commit of `tx` on it is the message's and no longer swept.
   * @throws {NotFound} @throws {Conflict} media_not_ready @throws {AppError} 410 media_gone.
   */
  async forSend(actor: Actor, media_id: string, tx: Tx): Promise<MediaOfMessage> {
    const files = this.files(tx);
    const file = await files.get(actor, media_id);
    this.assertReady(file);
    // Not found once more if the sweep was faster.
    if (!file.message_id && !file.sent_at) await files.patch(actor, media_id, { sent_at: new Date() });
    return mediaOfMessage(file);
  }

  /**
   * A file of ours, for as long as `use` takes: to be handed to a provider otherwise than in a message.
   * @throws {NotFound} @throws {Conflict} media_not_ready @throws {AppError} 410.
   */
  async withFile<T>(actor: Actor, media_id: string, use: (file: OurFile) => Promise<T>): Promise<T> {
    const file = await this.files().get(actor, media_id);
    const storage_key = this.assertReady(file);
    if ((await this.storage.size(storage_key)) === null) throw gone();
    return this.lend(file, storage_key, use);
  }

  /**
   * A file as the number's provider takes it, for as long as `send` takes: itself, or by an id.
   * @throws {ProviderFailure} Also when the file or the number's token is gone.
   */
  async toSend<T>(
    actor: Actor,
    whatsapp_number_id: string,
    media_id: string,
    send: (media: { id: string } | { file: OurFile }) => Promise<T>,
  ): Promise<T> {
    const line = await this.providers.line(actor, whatsapp_number_id);
    if (line.uploadMedia) return send({ id: await this.providerMediaId(actor, whatsapp_number_id, media_id) });
    return this.ourFile(await this.files().get(actor, media_id), (file) => send({ file }));
  }

  /** Meta's id of a file for a number, uploaded when Meta does not have it (any more): once per file and number, however many ask at once. */
  async providerMediaId(actor: Actor, whatsapp_number_id: string, media_id: string): Promise<string> {
    const key = `${actor.organization_id}:${whatsapp_number_id}:${media_id}`;
    const underWay = this.uploading.get(key);
    if (underWay) return underWay;
    const upload = this.toProvider(actor, whatsapp_number_id, media_id).finally(() => this.uploading.delete(key));
    this.uploading.set(key, upload);
    return upload;
  }

  /**
   * Streams a file as an attachment: never inline, never executed, with ranges.
   * @throws {NotFound} @throws {Conflict} media_not_ready @throws {AppError} 410 media_gone, 416.
   */
  async respond(actor: Actor, media_id: string, request: Request, response: Response): Promise<void> {
    const file = await this.files().get(actor, media_id);
    const { filename, mime_type, sha256: etag } = file;
    await this.stream(this.assertReady(file), { filename: filename ?? nameOf(file), mime_type, etag }, request, response);
  }

  /** The same of an image's thumbnail. @throws {NotFound} Also: it has none. @throws As `respond`. */
  async respondThumbnail(actor: Actor, media_id: string, request: Request, response: Response): Promise<void> {
    const file = await this.files().get(actor, media_id);
    const { id, sha256, thumbnail_bytes } = file;
    const key = thumbnailKey(this.assertReady(file));
    if (thumbnail_bytes === null) throw new NotFound('Thumbnail of this file');
    await this.stream(key, { filename: `${id}.webp`, mime_type: 'image/webp', etag: sha256 && `${sha256}-thumbnail` }, request, response);
  }

  /**
   * The thumbnail of an image that was kept before they were made, one image at a time. Nothing where it has one, or gets none.
   * @throws {NotFound} @throws {Conflict} media_not_ready @throws {AppError} 410 media_gone. @throws {Unavailable} `busy`.
   */
  async makeThumbnail(actor: Actor, media_id: string): Promise<void> {
    await this.late.run(async () => {
      const file = await this.files().get(actor, media_id);
      const { organization_id, mime_type, thumbnail_bytes } = file;
      const storage_key = this.assertReady(file);
      if (thumbnail_bytes !== null || !getsThumbnail(file)) return;
      if ((await this.storage.size(storage_key)) === null) throw gone();
      const bytes = await this.keeping.keepThumbnail(storage_key, mime_type, organization_id);
      if (bytes === null) return;
      const kept = await this.database.tx(async (tx) => {
        const [row] = await tx.rows(
          `UPDATE media_files SET thumbnail_bytes = $4, updated_at = now()
            WHERE organization_id = $1 AND id = $2 AND storage_key = $3 AND thumbnail_bytes IS NULL RETURNING id`,
          [organization_id, media_id, storage_key, bytes],
        );
        if (row) await this.quota.keep(tx, actor, bytes);
        return row;
      });
      // Expired meanwhile; or another process was faster, and the thumbnail is its.
      if (!kept && (await this.files().find(actor, media_id))?.storage_key !== storage_key)
        await this.storage.remove([thumbnailKey(storage_key)]);
    }, actor.organization_id);
  }

  /** Deletes uploads nobody sent, file and row together. */
  async removeUnused(): Promise<void> {
    while ((await this.removeSome()) === SWEEP_BATCH);
    await this.storage.sweep();
  }

  /**
   * Deletes the files that came with messages that go, bytes and rows; with `uploads` also what the team sent and no other message names, which takes
   * a look at every message. Answers how many.
   */
  async removeOf(tx: Tx, organization_id: string, message_ids: readonly string[], { uploads = false } = {}): Promise<number> {
    const gone = await tx.rows<StoredRow>(
      `DELETE FROM media_files f WHERE f.organization_id = $1 AND (f.message_id = ANY($2) OR $3 AND f.id IN (
         SELECT (m.media->>'id')::uuid FROM messages m
          WHERE m.organization_id = $1 AND m.id = ANY($2) AND m.direction = 'outgoing' AND m.media IS NOT NULL
            AND NOT EXISTS (SELECT FROM messages o WHERE o.organization_id = $1 AND o.media->>'id' = m.media->>'id' AND o.contact_id <> m.contact_id)))
       RETURNING ${STORED}`,
      [organization_id, message_ids, uploads],
    );
    await this.releaseAll(tx, gone);
    return gone.length;
  }

  /** The bytes of files older than so many days go, at most `limit`; answers how many, and the messages whose files they were. */
  async expire(tx: Tx, organization_id: string, days: number, limit: number): Promise<{ files: number; message_ids: string[] }> {
    const old = await tx.rows<StoredRow & { id: string; message_id: string | null }>(
      `SELECT ${STORED}, id, message_id FROM media_files
        WHERE organization_id = $1 AND storage_key IS NOT NULL AND created_at < now() - make_interval(days => $2)
        ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED`,
      [organization_id, days, limit],
    );
    if (!old.length) return { files: 0, message_ids: [] };
    await tx.rows(
      `UPDATE media_files SET status = 'expired', storage_key = NULL, thumbnail_bytes = NULL, filename = NULL, updated_at = now() WHERE organization_id = $1 AND id = ANY($2)`,
      [organization_id, old.map(({ id }) => id)],
    );
    await this.releaseAll(tx, old);
    return { files: old.length, message_ids: old.flatMap(({ message_id }) => message_id ?? []) };
  }

  /** Before the commit: a row without its file is swept again, a file without its row would never be found. */
  private async releaseAll(tx: Tx, files: readonly StoredRow[]): Promise<void> {
    await this.quota.release(tx, files);
    await this.keeping.remove(files);
  }

  /** Over all organizations: time alone decides. A file that is just being sent is locked, and left to that message. */
  private removeSome(): Promise<number> {
    return this.database.tx(async (tx) => {
      const unused = await tx.rows<StoredRow>(
        `DELETE FROM media_files WHERE (organization_id, id) IN (
           SELECT organization_id, id FROM media_files WHERE message_id IS NULL AND sent_at IS NULL AND created_at < now() - make_interval(hours => $1)
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING ${STORED}`,
        [UNUSED_HOURS, SWEEP_BATCH],
      );
      await this.releaseAll(tx, unused);
      return unused.length;
    });
  }

  /** The file gets its place and its row, or neither. */
  private async keep(actor: Actor, file: UploadedFile, kind: Pick<MediaFile, 'mime_type' | 'filename'>): Promise<MediaFile> {
    const { size_bytes, sha256 } = file;
    const stored = await this.keeping.keep(file, kind.mime_type, actor.organization_id);
    try {
      return await this.database.tx(async (tx) => {
        await this.quota.take(tx, actor, size_bytes + (stored.thumbnail_bytes ?? 0));
        const media = await this.files(tx).insert(actor, { ...kind, size_bytes, sha256, status: 'ready', ...stored });
        const { id, mime_type, status } = media;
        const metadata = { mime_type, size_bytes };
        tx.audit(actor, 'media.uploaded', { resource: { id }, after: { ...metadata, status }, metadata });
        return media;
      });
    } catch (error) {
      await this.keeping.remove([stored]);
      throw error;
    }
  }

  private async toProvider(actor: Actor, whatsapp_number_id: string, media_id: string): Promise<string> {
    const file = await this.files().get(actor, media_id);
    if (file.whatsapp_number_id === whatsapp_number_id && file.provider_media_id && file.due_at > new Date()) return file.provider_media_id;
    const line = await this.providers.line(actor, whatsapp_number_id);
    const provider_media_id = line.uploadMedia && (await this.ourFile(file, line.uploadMedia));
    if (!provider_media_id) throw new UnsendableMessage('message_incomplete', 'The number takes no uploads.');
    const due_at = new Date(Date.now() + PROVIDER_COPY_DAYS * 86_400_000);
    await this.files().patch(actor, media_id, { whatsapp_number_id, provider_media_id, due_at });
    return provider_media_id;
  }

  /** @throws {UnsendableMessage} It is no longer there. */
  private async ourFile<T>(file: MediaFile, use: (file: OurFile) => Promise<T>): Promise<T> {
    const { status, storage_key } = file;
    if (status !== 'ready' || !storage_key || (await this.storage.size(storage_key)) === null)
      throw new UnsendableMessage('message_incomplete', 'The file of this message is no longer there.');
    return this.lend(file, storage_key, use);
  }

  private lend<T>(file: MediaFile, storage_key: string, use: (file: OurFile) => Promise<T>): Promise<T> {
    const mime_type = metaType(file.mime_type);
    return this.storage.withBlob(storage_key, mime_type, (blob) => use({ blob, filename: file.filename ?? nameOf(file), mime_type }));
  }

  private async stream(
    key: string,
    file: Pick<StoredFile, 'filename' | 'mime_type' | 'etag'>,
    request: Request,
    response: Response,
  ): Promise<void> {
    const size_bytes = await this.storage.size(key);
    if (size_bytes === null) throw gone();
    await answerFile(request, response, { ...file, size_bytes, read: (range) => this.storage.read(key, range) });
  }

  /** The key of a file whose bytes are here. */
  private assertReady({ status, storage_key }: MediaFile): string {
    if (status === 'pending') throw new Conflict('media_not_ready', 'The file is still being fetched. Try again in a moment.');
    if (status !== 'ready' || !storage_key) throw gone();
    return storage_key;
  }

  private files(tx?: Tx): TenantRepository<MediaFile> {
    return this.database.repository(MediaFile, tx);
  }
}

/** A row whose bytes go. What they take; those that went before count no more. */
type StoredRow = Stored & { organization_id: string; size_bytes: string | null };
const STORED = `organization_id, storage_key, thumbnail_bytes,
  CASE WHEN storage_key IS NOT NULL THEN size_bytes + coalesce(thumbnail_bytes, 0) END AS size_bytes`;

const gone = (): AppError => new AppError(410, 'media_gone', 'The file is no longer there, or could not be fetched from the provider.');

/** For files without a name, as photos and voice messages are. */
export function nameOf({ id, mime_type }: Pick<MediaFile, 'id' | 'mime_type'>): string {
  const subtype = /^\w+\/(\w{2,5})(?:;|$)/.exec(mime_type)?.[1];
  return subtype ? `${id}.${subtype}` : id;
}
