import type { IncomingMessage } from 'node:http';
import { AppError, BadRequest, Unavailable } from '#common/errors';

/** The usual body is a tenth of this. It is always read: large bodies of strangers keep nobody's message out. */
export const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES = 32 * 1024 * 1024;
const FIRST_BYTES = 4 * 1024;
const READ_MS = 10_000;

/** Reads bodies as raw bytes, in bounded memory and time, whoever sends them. */
export class BodyReader {
  /** Of the large ones. */
  private held_bytes = 0;

  /** `large_bytes`: all larger bodies that are being read or worked on at this moment, together. */
  constructor(private readonly large_bytes = LARGE_BYTES) {}

  /**
   * Does `work` with the body, which counts as held until it is done.
   * @throws {AppError} 413, 408, 415. @throws {Unavailable} Too many large ones at once.
   */
  async read<T>(request: IncomingMessage, max_bytes: number, work: (body: Buffer) => Promise<T>): Promise<T> {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      throw new AppError(415, 'unsupported_media_type', 'Send the body as it is: compressed ones (Content-Encoding) are not read.');
    let held = 0;
    const hold = (bytes: number): void => {
      const more = bytes > SMALL_BYTES ? bytes - held : 0;
      if (this.held_bytes + more > this.large_bytes) throw new Unavailable('Too many large bodies at once. Send it again.');
      this.held_bytes += more;
      held += more;
    };
    try {
      return await work(await collect(request, max_bytes, hold));
    } finally {
      this.held_bytes -= held;
    }
  }
}

/** The body in one buffer that grows as bytes come, not as they are announced; `hold` hears of its size and may refuse it. */
function collect(request: IncomingMessage, max_bytes: number, hold: (bytes: number) => void): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? FIRST_BYTES);
  if (announced > max_bytes) return Promise.reject(tooLarge(max_bytes));
  return new Promise((resolve, reject) => {
    let body = Buffer.allocUnsafe(Math.min(announced, FIRST_BYTES));
    let length = 0;
    const take = (chunk: Buffer): void => {
      const needed = length + chunk.length;
      if (needed > max_bytes) throw tooLarge(max_bytes);
      if (needed > body.length) {
        const grown = Math.min(max_bytes, Math.max(needed, 2 * body.length));
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

const tooLarge = (max_bytes: number): AppError =>
  new AppError(413, 'payload_too_large', `The body is too large: ${max_bytes} bytes are taken.`);
