import type { IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { BodyReader } from '#api/body-reader';
import { AppError, BadRequest, Forbidden, NotFound, Unavailable } from '#common/errors';
import { matchKey } from '#common/phone';
import { isSameSecret } from '#common/same-secret';
import { Late, within } from '#common/time';
import { isUuid } from '#common/uuid';
import { MediaStorage } from '../media/media-storage';
import { NumberDirectory, type PairedNumber } from '../numbers/number-directory';
import { InboundStore } from '../receipt/inbound-store';
import { type Json, asObject, asWords, isObject } from '../wire';
import { cutFiles, decoded } from './cut-files';
import { personOfKey } from './jids';
import { type KeptEvent, eventName, isRead, personIn } from './parse-events';

/** Contract 20, 8: with their files in base64. */
const MAX_BYTES = 30 * 1024 * 1024;
/** Without them. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** R11: a database that hangs is as good as gone, also for the question whose number this is. */
const DIRECTORY_MS = 1500;
/** Several large ones at a time. */
const LARGE_BYTES = 96 * 1024 * 1024;
/** A code to be scanned, as a picture. */
const MAX_PICTURE_BYTES = 200_000;

const HAVE_FILES = new Set(['messages.upsert', 'send.message']);

/** Evolution's door: know the number by the token in the address, keep, acknowledge. What it means is the filing's work. */
@Injectable()
export class EvolutionReceipt {
  private readonly logger = new Logger(EvolutionReceipt.name);
  private readonly bodies = new BodyReader(LARGE_BYTES);

  constructor(
    private readonly numbers: NumberDirectory,
    private readonly store: InboundStore,
    private readonly storage: MediaStorage,
  ) {}

  /**
   * Resolved means stored. Who does not know a token is heard no further: its body is not read.
   * @throws {NotFound} Nobody's token. @throws {Forbidden} Another `X-PyTake-Token` than the one given to the instance.
   * @throws {BadRequest} Not JSON. @throws {AppError} 413.
   */
  async receive(request: IncomingMessage, webhook_token: string, event_slug: string | undefined): Promise<void> {
    const number = isUuid(webhook_token) ? await this.numberOf(webhook_token) : null;
    if (!number) throw new NotFound('Webhook');
    const shown = request.headers['x-pytake-token'];
    if (shown !== undefined && !isSameSecret(number.webhook_verify_token, String(shown)))
      throw new Forbidden('invalid_signature', 'The X-PyTake-Token of this webhook is not the one of its instance.');
    await this.bodies.read(request, MAX_BYTES, (raw) => this.take(number, raw, event_slug));
  }

  private numberOf(webhook_token: string): Promise<PairedNumber | null> {
    return within(DIRECTORY_MS, () => this.numbers.byWebhookToken(webhook_token.toLowerCase())).catch((error: unknown) => {
      throw error instanceof Late ? new Unavailable() : error;
    });
  }

  private async take(number: PairedNumber, raw: Buffer, event_slug: string | undefined): Promise<void> {
    const cut = cutFiles(raw, MAX_TEXT_BYTES);
    if (!cut) throw new AppError(413, 'payload_too_large', `Without its files a webhook may have ${MAX_TEXT_BYTES} bytes.`);
    const body = bodyOf(cut.text);
    const event = eventName(asWords(body.event, 64) ?? event_slug ?? '');
    const { organization_id, id: whatsapp_number_id, evolution_instance_name } = number;
    if (body.instance !== evolution_instance_name) {
      this.logger.debug({ msg: 'webhook of another instance', whatsapp_number_id });
      return;
    }
    const is_read = isRead(event);
    const arrived = is_read ? await this.keepFiles(event, body.data, cut.files) : [];
    const phone = personIn(body.data);
    const person = phone ? matchKey(phone) : null;
    const state = is_read ? 'received' : 'ignored';
    const reason = is_read ? null : `field_not_used: ${event}`;
    try {
      // Neither the key of the instance nor anything else of the envelope is kept.
      const kept = written({ event, received_at: Date.now(), data: body.data });
      await this.store.keep([{ organization_id, whatsapp_number_id, person, state, reason, provider: 'evolution', body: kept }]);
    } catch (error) {
      for (const path of arrived) await this.storage.discard({ path });
      throw error;
    }
  }

  /** Files go to the disk, and their messages say where; what is of nobody here, and no picture to be scanned, goes nowhere. */
  private async keepFiles(event: string, data: unknown, files: readonly Buffer[]): Promise<string[]> {
    const arrived: string[] = [];
    for (const item of Array.isArray(data) ? (data as unknown[]) : [data]) {
      const holder = asObject(asObject(item)?.message) ?? asObject(asObject(item)?.qrcode);
      if (!holder || typeof holder.base64 !== 'string') continue;
      const file: Buffer | undefined = files[Number(holder.base64)];
      delete holder.base64;
      // A key written otherwise than Evolution does was not cut out: the file is asked for as if it had not come.
      if (!file) continue;
      if (HAVE_FILES.has(event) && personOfKey(asObject(asObject(item)?.key) ?? {})) {
        const { path } = await this.storage.receive(decoded(file), MAX_BYTES);
        arrived.push(path);
        holder.base64 = basename(path);
      } else if (event === 'qrcode.updated' && file.length <= MAX_PICTURE_BYTES) holder.base64 = file.toString('latin1');
    }
    return arrived;
  }
}

/** @throws {BadRequest} It is nested deeper than JSON can be written again. */
function written(kept: KeptEvent): Buffer {
  try {
    return Buffer.from(JSON.stringify(kept));
  } catch (error) {
    if (error instanceof RangeError) throw new BadRequest('invalid_json', 'The body is nested too deep.');
    throw error;
  }
}

function bodyOf(text: string): Json {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body)) return body;
  } catch {
    // Said below.
  }
  throw new BadRequest('invalid_json', 'The body is not a JSON object.');
}
