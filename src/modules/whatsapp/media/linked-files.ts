import { Injectable } from '@nestjs/common';
import { EgressClient } from '#common/egress';
import { AppError } from '#common/errors';
import { Turns } from '#common/turns';
import type { OurFile } from '../provider';
import { ProviderFailure, final } from '../provider-failure';
import { MAX_FILE_BYTES, metaType, sniff } from './file-kind';
import type { ReceivedFile } from './file-store';
import { MediaStorage } from './media-storage';

/** 100 MB on a usual line. */
const FETCH_MS = 45_000;
/** They stand on the disk as long as they are sent, a tenant's slow ones too. */
const AT_ONCE = 8;
const WAIT_MS = 30_000;
const TRIES = 5;
/** Another try may find it: who serves it is busy, or away. */
const PASSING = new Set([408, 425, 429]);

/**
 * Files behind addresses that tenants name, fetched by us: a server beside ours that fetches them itself follows them into our network, and hands out what it
 * finds there.
 */
@Injectable()
export class LinkedFiles {
  private readonly turns = new Turns(AT_ONCE, { shared: true, line_max: 200, wait_ms: WAIT_MS });

  constructor(
    private readonly egress: EgressClient,
    private readonly storage: MediaStorage,
  ) {}

  /**
   * The file of an address, for as long as `use` takes; `whose` take turns.
   * @throws {ProviderFailure} egress_blocked; media_error: nobody answers, or not with a file of 100 MB at most. @throws {Unavailable} `busy`.
   */
  withFile<T>(link: string, whose: string, use: (file: OurFile) => Promise<T>): Promise<T> {
    return this.turns.run(async () => {
      const file = await this.fetch(link);
      try {
        const filename = nameOfLink(link);
        const mime_type = metaType((await sniff(file.path, filename)) ?? 'application/octet-stream');
        return await use({ blob: await this.storage.blobOf(file, mime_type), filename, mime_type });
      } finally {
        await this.storage.discard(file);
      }
    }, whose);
  }

  private async fetch(link: string): Promise<ReceivedFile> {
    try {
      const { status, body } = await this.egress.stream(link, { timeout_ms: FETCH_MS });
      if (status === 200) return await this.storage.receive(body, MAX_FILE_BYTES);
      body.destroy();
      throw failed(`The address of the file answered ${status}.`, status >= 500 || PASSING.has(status));
    } catch (error) {
      if (error instanceof ProviderFailure) throw error;
      if (!(error instanceof AppError)) throw failed('The file broke off on its way here.', true);
      if (error.error_code === 'egress_blocked') throw new ProviderFailure(final(error.error_code, error.message));
      throw failed(error.message, error.error_code !== 'payload_too_large');
    }
  }
}

const failed = (message: string, is_passing: boolean): ProviderFailure =>
  new ProviderFailure({ ...final('media_error', message), ...(is_passing && { class: 'retry', attempts: TRIES }) });

/** Letters every provider takes in a name. */
export const nameOfLink = (link: string): string =>
  new URL(link).pathname
    .split('/')
    .pop()
    ?.replace(/[^\w.-]/g, '')
    .slice(-100) || 'file';
