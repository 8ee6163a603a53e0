import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { EgressClient } from '#common/egress';
import { Invalid } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { Turns } from '#common/turns';
import { isUuid } from '#common/uuid';
import type { Tx } from '#database/database';
import { sniff } from '../media/file-kind';
import { nameOfLink } from '../media/linked-files';
import { MediaService } from '../media/media.service';
import { MediaStorage } from '../media/media-storage';
import type { SampleFile, TemplateAccount } from '../provider';
import { type Sample, sampleOf } from './template-rules';

/** A file of an address is held in memory on its way: not many at once, and none as large as an upload may be. */
const LINK_BYTES = 16 * 1024 * 1024;
const LINKS_AT_ONCE = 2;
const LINK_TIMEOUT_MS = 30_000;

const TYPES: Readonly<Record<string, RegExp>> = {
  IMAGE: /^image\/(jpeg|png)$/,
  VIDEO: /^video\/(mp4|3gpp)$/,
  DOCUMENT: /^(application|text)\//,
};

/**
 * The file a header shows as its example: an upload of ours (`example.media_id`) or an address (`example.link`). Meta takes neither, only a handle of
 * its own upload, which is made anew for each submission.
 */
@Injectable()
export class HeaderSamples {
  private readonly turns = new Turns(LINKS_AT_ONCE, { line_max: 20, wait_ms: LINK_TIMEOUT_MS, shared: true });

  constructor(
    private readonly media: MediaService,
    private readonly storage: MediaStorage,
    private readonly egress: EgressClient,
  ) {}

  /** Before anything is written. @throws {Invalid} url_not_allowed. */
  async checkLinks(components: readonly JsonObject[]): Promise<void> {
    for (const { sample } of samplesOf(components)) if ('link' in sample) await this.egress.checkUrl(sample.link, 'components');
  }

  /** The uploads are the template's from the commit of `tx` on. @throws {NotFound} @throws {Invalid} unsupported_file. @throws {AppError} 410 media_gone. */
  async take(tx: Tx, actor: Actor, components: readonly JsonObject[]): Promise<void> {
    for (const { sample, format } of samplesOf(components)) {
      if (!('media_id' in sample)) continue;
      if (!isUuid(sample.media_id)) throw Invalid.field('components', 'media_id of an example is a UUID');
      assertType(format, (await this.media.forSend(actor, sample.media_id, tx)).mime_type);
    }
  }

  /** The components with handles instead. @throws {AppError} The file is gone, or cannot be fetched. @throws {ProviderFailure} */
  async handOver(actor: Actor, account: TemplateAccount, components: readonly JsonObject[]): Promise<JsonObject[]> {
    const handed = [...components];
    for (const { n, sample, format } of samplesOf(components)) {
      if ('handle' in sample) continue;
      const handle = await this.withFile(actor, sample, (file) => {
        assertType(format, file.mime_type);
        return account.uploadSample(file);
      });
      handed[n] = { ...handed[n], example: { header_handle: [handle] } };
    }
    return handed;
  }

  private withFile<T>(actor: Actor, sample: Exclude<Sample, { handle: string }>, use: (file: SampleFile) => Promise<T>): Promise<T> {
    if ('media_id' in sample) return this.media.withFile(actor, sample.media_id, use);
    return this.turns.run(async () => use(await this.fetch(sample.link)), actor.organization_id);
  }

  private async fetch(link: string): Promise<SampleFile> {
    const { status, body, truncated } = await this.egress.fetch(link, { max_bytes: LINK_BYTES, timeout_ms: LINK_TIMEOUT_MS });
    if (status !== 200) throw Invalid.field('components', `The example’s address answered ${status}.`, 'unsupported_file');
    if (truncated) throw Invalid.field('components', 'The example behind a link may have at most 16 MB.', 'unsupported_file');
    const file = await this.storage.receive(Readable.from([body]), LINK_BYTES);
    try {
      const filename = nameOfLink(link);
      const mime_type = (await sniff(file.path, filename)) ?? 'application/octet-stream';
      return { blob: new Blob([body], { type: mime_type }), filename, mime_type };
    } finally {
      await this.storage.discard(file);
    }
  }
}

const samplesOf = (components: readonly JsonObject[]): { n: number; format: string; sample: Sample }[] =>
  components.flatMap((component, n) => {
    const sample = component.type === 'HEADER' ? sampleOf(component) : null;
    return sample ? [{ n, format: String(component.format), sample }] : [];
  });

function assertType(format: string, mime_type: string): void {
  if (!TYPES[format]?.test(mime_type))
    throw Invalid.field('components', `A header of format ${format} shows no file of type ${mime_type}.`, 'unsupported_file');
}
