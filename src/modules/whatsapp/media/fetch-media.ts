import { Injectable, Logger } from '@nestjs/common';
import { safeType } from '#api/answer-file';
import { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { type DueRow, DueRows, inTurn } from '#database/due-rows';
import { Providers } from '../providers';
import { MAX_FILE_BYTES, sniff } from './file-kind';
import type { ReceivedFile } from './file-store';
import { KeepMedia, type Stored } from './keep-media';
import { MediaFile } from './media-file.entity';
import { type MediaOfMessage, mediaOfMessage } from './media.dto';
import { MediaQuota } from './media-quota';
import { MediaStorage } from './media-storage';

/** Contract 20, 7.4. */
const TRIES = 3;
/** After the first and the second try that failed. */
const PAUSES_SECONDS = [5, 30];
/** Our storage is away, which is no try: the provider has the file for days, and nobody else has it. */
const STORAGE_PAUSE_SECONDS = 60;
/** A media URL of Meta lives 5 minutes and is asked for anew by each try; 100 MB on a slow line needs minutes. */
const TIMEOUT_SECONDS = 180;
/** A try that takes longer than it may is of a worker that died. */
const LEASE_SECONDS = 240;

const OVERDUE = inTurn(
  "SELECT organization_id FROM media_files WHERE status = 'pending'",
  `SELECT id FROM media_files
    WHERE organization_id = w.organization_id AND status = 'pending' AND due_at < now() - interval '5 seconds' ORDER BY due_at`,
);

/** A file of a message is here, or never will be; told within the transaction that says so. */
export type SettledListener = (tx: Tx, settled: { organization_id: string; message_id: string; media: MediaOfMessage }) => Promise<void>;

/** A customer's file that is to be fetched. */
export interface ExpectedFile {
  id: string;
  organization_id: string;
  message_id: string;
  whatsapp_number_id: string | null;
  provider_media_id: string;
  mime_type: string;
  filename: string | null;
  sha256: string | null;
}

/** Fetches what customers sent from Meta. The row is the truth: whatever happens to a wake-up, a file is fetched or failed. */
@Injectable()
export class FetchMedia {
  private readonly logger = new Logger(FetchMedia.name);
  /** A file is to be fetched. */
  readonly wake: (file: DueRow) => void;
  private listener: SettledListener | undefined;

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly storage: MediaStorage,
    private readonly keeping: KeepMedia,
    private readonly quota: MediaQuota,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'whatsapp-media',
      concurrency: 4,
      timeout_seconds: TIMEOUT_SECONDS,
      sweep_seconds: 30,
      work: ({ organization_id, id }, signal) => this.fetch(organization_id, id, signal),
      overdue: (limit) => this.overdue(limit),
    });
  }

  /** Files to fetch, written with the messages they belong to: a crash loses none. */
  async expect(tx: Tx, files: readonly ExpectedFile[]): Promise<void> {
    if (!files.length) return;
    await this.database.repository(MediaFile, tx).insertAll(files.map((file) => ({ ...file, status: 'pending' })));
    tx.afterCommit(() => {
      for (const file of files) this.wake(file);
    });
  }

  /** One try; answers in how many milliseconds to try again, null: it is settled, or somebody else is at it. */
  async fetch(organization_id: string, media_id: string, signal?: AbortSignal): Promise<number | null> {
    const file = await this.claim(organization_id, media_id);
    if (!file) return null;
    // Out of tries before this one: the last worker died at it.
    if (file.attempts > TRIES) return this.fail(file);
    try {
      await this.store(file, await this.download(file, signal));
      return null;
    } catch (error) {
      this.logger.warn({ msg: 'media not fetched', media_id, attempt: file.attempts, reason: (error as Error).message });
      if (error instanceof Unavailable) return this.putOff(file, STORAGE_PAUSE_SECONDS, file.attempts - 1);
      if (file.attempts >= TRIES) return this.fail(file);
      return this.putOff(file, PAUSES_SECONDS[file.attempts - 1] ?? 30);
    }
  }

  /** Files nobody is at: lost wake-ups, workers that died. Over all organizations: time alone decides. */
  async overdue(limit: number): Promise<DueRow[]> {
    return this.database.rows(OVERDUE, [limit]);
  }

  /** The file, for this try alone; null: it is settled, not due, or somebody is at it. */
  private async claim(organization_id: string, media_id: string): Promise<MediaFile | null> {
    return this.database.tx(async (tx) => {
      const actor = Actor.system(organization_id);
      const files = this.database.repository(MediaFile, tx);
      const due = await files
        .query(actor, 'f')
        .andWhere("f.id = :media_id AND f.status = 'pending' AND f.due_at <= now()", { media_id })
        .setLock('pessimistic_write')
        .setOnLocked('skip_locked')
        .getOne();
      return due && files.patch(actor, media_id, { attempts: due.attempts + 1, due_at: new Date(Date.now() + LEASE_SECONDS * 1000) });
    });
  }

  /** The bytes as Meta promised them. */
  private async download(file: MediaFile, signal?: AbortSignal): Promise<ReceivedFile> {
    const { whatsapp_number_id, provider_media_id } = file;
    if (!whatsapp_number_id || !provider_media_id) throw new Error('the file names no number, or no id the provider knows it by');
    const line = await this.providers.line(Actor.system(file.organization_id), whatsapp_number_id);
    const { stream, sha256, size_bytes } = await line.fetchMedia(provider_media_id);
    const received = await this.storage.receive(stream, MAX_FILE_BYTES, signal);
    // Meta writes the digest in base64 in webhooks and in hex in answers; either may be missing.
    const promised = [file.sha256, sha256].filter((digest) => digest !== null).map(hexDigest);
    const whole = (size_bytes === null || size_bytes === received.size_bytes) && (!promised.length || promised.includes(received.sha256));
    if (whole) return received;
    await this.storage.discard(received);
    throw new Error('the file is not the one that was announced: size or sha256 differ');
  }

  private async store(file: MediaFile, received: ReceivedFile): Promise<void> {
    let stored: Stored | null = null;
    let settled = false;
    try {
      const mime_type = (await sniff(received.path, file.filename)) ?? safeType(file.mime_type);
      const { size_bytes, sha256 } = received;
      stored = await this.keeping.keep(received, mime_type, file.organization_id);
      settled = await this.settle(file, { status: 'ready', mime_type, size_bytes, sha256, ...stored });
    } finally {
      await this.storage.discard(received);
      if (stored && !settled) await this.keeping.remove([stored]);
    }
  }

  /** The room that keeps the message says there what became of its file, in the same transaction. */
  onSettled(listener: SettledListener): void {
    this.listener = listener;
  }

  private async putOff({ organization_id, id, attempts }: MediaFile, seconds: number, counted = attempts): Promise<number> {
    const due_at = new Date(Date.now() + seconds * 1000);
    await this.files().patch(Actor.system(organization_id), id, { attempts: counted, due_at });
    return seconds * 1000;
  }

  private async fail(file: MediaFile): Promise<null> {
    await this.settle(file, { status: 'failed' });
    return null;
  }

  /** Ready or failed, once; false: somebody was faster. */
  private async settle(file: MediaFile, values: Partial<MediaFile>): Promise<boolean> {
    const { organization_id, message_id, id } = file;
    const actor = Actor.system(organization_id);
    return this.database.tx(async (tx) => {
      const files = this.database.repository(MediaFile, tx);
      if ((await files.lock(actor, id)).status !== 'pending') return false;
      // Meta's id of a customer's file is not one to send with: the first send of it uploads anew.
      const settled = await files.patch(actor, id, { ...values, due_at: new Date() });
      if (settled.size_bytes !== null) await this.quota.keep(tx, actor, settled.size_bytes + (settled.thumbnail_bytes ?? 0));
      const { listener } = this;
      if (message_id && listener) await listener(tx, { organization_id, message_id, media: mediaOfMessage(settled) });
      return true;
    });
  }

  private files() {
    return this.database.repository(MediaFile);
  }
}

const hexDigest = (digest: string): string =>
  /^[0-9a-f]{64}$/i.test(digest) ? digest.toLowerCase() : Buffer.from(digest, 'base64').toString('hex');
