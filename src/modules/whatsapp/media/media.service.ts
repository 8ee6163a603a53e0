import { pipeline } from 'node:stream/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Actor } from '#common/actor';
import { AppError, Conflict, Invalid } from '#common/errors';
import { Database, type Tx } from '#database/database';
import type { TenantRepository } from '#database/tenant-repository';
import { UnsendableMessage } from '../meta/build-message';
import { GraphClient } from '../meta/graph-client';
import { GraphTargets } from '../numbers/graph-targets';
import { metaType, safeType, sendLimit, sniff } from './file-kind';
import { MediaFile } from './media-file.entity';
import { type Media, type MediaOfMessage, mediaOfMessage, presentMedia } from './media.dto';
import { MediaStorage, type ReceivedFile, tooLarge } from './media-storage';

/** Meta keeps an upload for 30 days; a day less, for messages that wait. */
const PROVIDER_COPY_DAYS = 29;
/** Contract 20, 4.3: uploads nobody sends are deleted after this. */
const UNUSED_DAYS = 30;
const SWEEP_BATCH = 500;

/** A file as it came in through the upload door. */
export type UploadedFile = ReceivedFile & { name: string };

/** Files of messages: kept here, handed to Meta, handed out. */
@Injectable()
export class MediaService {
  private readonly logger = new Logger(MediaService.name);
  private readonly uploading = new Map<string, Promise<string>>();

  constructor(
    private readonly database: Database,
    private readonly storage: MediaStorage,
    private readonly targets: GraphTargets,
    private readonly graph: GraphClient,
  ) {}

  /**
   * Keeps an agent's file for later sends.
   * @throws {Invalid} unsupported_file: by content it is nothing WhatsApp takes. @throws {AppError} 413.
   */
  async upload(actor: Actor, file: UploadedFile | undefined): Promise<Media> {
    if (!file) throw Invalid.field('file', 'file is missing: send multipart/form-data with the file in this field', undefined, 'missing');
    try {
      const filename = cleanName(file.name);
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
      const { size_bytes, sha256 } = file;
      const storage_key = await this.storage.keep(file, actor.organization_id);
      return presentMedia(await this.files().insert(actor, { mime_type, filename, size_bytes, sha256, status: 'ready', storage_key }));
    } finally {
      await this.storage.discard(file);
    }
  }

  /** The file a send names. @throws {NotFound} @throws {Conflict} media_not_ready @throws {AppError} 410 media_gone. */
  async forSend(actor: Actor, media_id: string, tx?: Tx): Promise<MediaOfMessage> {
    const file = await this.files(tx).get(actor, media_id);
    this.assertReady(file);
    return mediaOfMessage(file);
  }

  /**
   * Meta's id of a file for a number, uploaded when Meta does not have it (any more): once per file and number, however many ask at once.
   * @throws {GraphError} @throws {UnsendableMessage} The file or the number's token is gone.
   */
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
    const storage_key = this.assertReady(file);
    const size = await this.storage.size(storage_key);
    if (size === null) throw gone();

    response.attachment(file.filename ?? nameOf(file));
    response.set({
      'Content-Type': safeType(file.mime_type),
      'X-Content-Type-Options': 'nosniff',
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'Cache-Control': 'private, no-cache',
      'Accept-Ranges': 'bytes',
      ...(file.sha256 && { ETag: `"${file.sha256}"` }),
    });
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    const range = rangeOf(request, response, size);
    if (range === 'unsatisfiable') {
      response.set('Content-Range', `bytes */${size}`).removeHeader('Content-Disposition');
      throw new AppError(416, 'range_not_satisfiable', `The file has ${size} bytes.`);
    }
    if (range) response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
    response.set('Content-Length', String(range ? range.end - range.start + 1 : size));
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    try {
      await pipeline(this.storage.read(storage_key, range ?? undefined), response);
    } catch (error) {
      // The reader went away, or the disk failed half-way: the headers are out, so the connection is all there is to end.
      response.destroy();
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
        this.logger.warn({ msg: 'file not handed out', media_id, err: error });
    }
  }

  /** Deletes uploads nobody sent. */
  async removeUnused(): Promise<void> {
    // Over all organizations: time alone decides. A file that was sent has a number or a message.
    const unused = await this.database.source.query<{ id: string; storage_key: string | null }[]>(
      `SELECT id, storage_key FROM media_files
        WHERE message_id IS NULL AND whatsapp_number_id IS NULL AND created_at < now() - make_interval(days => $1) LIMIT $2`,
      [UNUSED_DAYS, SWEEP_BATCH],
    );
    for (const { id, storage_key } of unused) {
      const [, removed] = await this.database.source.query<[unknown[], number]>(
        'DELETE FROM media_files WHERE id = $1 AND whatsapp_number_id IS NULL AND message_id IS NULL',
        [id],
      );
      if (removed && storage_key) await this.storage.remove(storage_key);
    }
    await this.storage.sweep();
  }

  private async toProvider(actor: Actor, whatsapp_number_id: string, media_id: string): Promise<string> {
    const file = await this.files().get(actor, media_id);
    if (file.whatsapp_number_id === whatsapp_number_id && file.provider_media_id && file.due_at > new Date()) return file.provider_media_id;
    const { storage_key } = file;
    if (file.status !== 'ready' || !storage_key || (await this.storage.size(storage_key)) === null)
      throw new UnsendableMessage('message_incomplete', 'The file of this message is no longer there.');
    const target = await this.targets.find(actor, whatsapp_number_id);
    if (!target) throw new UnsendableMessage('message_incomplete', 'The WhatsApp number has no phone_number_id or no access_token.');
    const mime_type = metaType(file.mime_type);
    const blob = await this.storage.blob(storage_key, mime_type);
    const provider_media_id = await this.graph.uploadMedia(target, { blob, filename: file.filename ?? nameOf(file), mime_type });
    const due_at = new Date(Date.now() + PROVIDER_COPY_DAYS * 86_400_000);
    await this.files().patch(actor, media_id, { whatsapp_number_id, provider_media_id, due_at });
    return provider_media_id;
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

const gone = (): AppError => new AppError(410, 'media_gone', 'The file is no longer there, or could not be fetched from the provider.');

/** A name without directories and control characters: it is only ever shown. */
function cleanName(name: string): string | null {
  const base = name.split(/[\\/]/).at(-1) ?? '';
  return (
    base
      .replace(/\p{Cc}/gu, '')
      .trim()
      .slice(-240) || null
  );
}

/** For files without a name, as photos and voice messages are. */
function nameOf({ id, mime_type }: Pick<MediaFile, 'id' | 'mime_type'>): string {
  const subtype = /^\w+\/(\w{2,5})(?:;|$)/.exec(mime_type)?.[1];
  return subtype ? `${id}.${subtype}` : id;
}

/** One range of bytes; null: the whole file is asked for. */
function rangeOf(request: Request, response: Response, size: number): { start: number; end: number } | 'unsatisfiable' | null {
  const condition = request.get('if-range');
  if (condition && condition !== response.get('ETag')) return null;
  const ranges = request.range(size, { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  // Several ranges at once may be answered whole (RFC 9110, 14.2).
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return null;
  return ranges[0];
}
