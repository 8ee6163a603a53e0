import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AppError, BadRequest, Unavailable } from '#common/errors';

/** Meta: "up to 3 MB". */
const MAX_BYTES = 3 * 1024 * 1024;
/** The usual webhook is a tenth of this. It is always read: large bodies of strangers keep nobody's message out. */
const SMALL_BYTES = 64 * 1024;
/** All larger bodies that are being read or kept at this moment, together. */
const LARGE_BYTES = 32 * 1024 * 1024;
const READ_MS = 10_000;

/** Reads webhooks' raw bytes (signatures are over them) in bounded memory and time, whoever sends them. */
@Injectable()
export class WebhookBodies {
  /** Of the large ones. */
  private held_bytes = 0;

  /**
   * Does `work` with the body, which counts as held until it is done.
   * @throws {AppError} 413, 408, 415. @throws {Unavailable} Too many large ones at once; the provider repeats.
   */
  async read<T>(request: IncomingMessage, work: (body: Buffer) => Promise<T>): Promise<T> {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new AppError(415, 'unsupported_media_type', 'A webhook is not compressed: its signature is over the bytes as sent.');
    let held = 0;
    const hold = (bytes: number): void => {
      const more = bytes > SMALL_BYTES ? bytes - held : 0;
      if (this.held_bytes + more > LARGE_BYTES) throw new Unavailable('Too many large webhooks at once. Send it again.');
      this.held_bytes += more;
      held += more;
    };
    try {
      return await work(await collect(request, hold));
    } finally {
      this.held_bytes -= held;
    }
  }
}

/** The body in one buffer that grows as bytes come, not as they are announced; `hold` hears of its size and may refuse it. */
function collect(request: IncomingMessage, hold: (bytes: number) => void): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? SMALL_BYTES);
  if (announced > MAX_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    let body = Buffer.allocUnsafe(Math.min(announced, SMALL_BYTES));
    let length = 0;
    const take = (chunk: Buffer): void => {
      const needed = length + chunk.length;
      if (needed > MAX_BYTES) throw tooLarge();
      if (needed > body.length) {
        const grown = Math.min(MAX_BYTES, Math.max(needed, 2 * body.length));
        hold(grown);
        body = Buffer.concat([body.subarray(0, length)], grown);
      }
      chunk.copy(body, length);
      length = needed;
    };
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      request.off('data', heard).off('end', settle).off('error', settle).off('close', gone);
      if (error) reject(error as Error);
      else resolve(body.subarray(0, length));
    };
    const heard = (chunk: Buffer): void => {
      try {
        take(chunk);
      } catch (error) {
        settle(error);
      }
    };
    const gone = (): void => settle(new BadRequest('bad_request', 'The body broke off.'));
    const timer = setTimeout(() => settle(new AppError(408, 'request_timeout', 'The body did not arrive in time.')), READ_MS);
    request.on('data', heard).on('end', settle).on('error', settle).on('close', gone);
  });
}

const tooLarge = (): AppError => new AppError(413, 'payload_too_large', 'The body is too large.');
