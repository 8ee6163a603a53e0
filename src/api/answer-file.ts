import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AppError } from '#common/errors';

/** A file somebody gave us, on its way out. */
export interface StoredFile {
  filename: string;
  mime_type: string;
  size_bytes: number;
  /** Other bytes have another one, e.g. their digest; null: not known. */
  etag: string | null;
  /** The bytes from `start` to `end`, both included; all of them without a range. */
  read(range?: ByteRange): Readable;
}

export interface ByteRange {
  start: number;
  end: number;
}

const logger = new Logger('files');

/** Where some bytes of the last moments still left, Node counts once more. */
const STALLED_MS = 120_000;

/**
 * Streams a file of unknown intent, whole or in part: the only way bytes from outside leave this origin. Always an attachment, never sniffed, never
 * run: a page shows an image or a video as `<img>` and `<video>`, which do not ask for more, and nobody opens markup here.
 * @throws {AppError} 416.
 */
export async function answerFile(request: Request, response: Response, file: StoredFile): Promise<void> {
  response.attachment(file.filename);
  response.set({
    'Content-Type': safeType(file.mime_type),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cache-Control': 'private, no-cache',
    'Accept-Ranges': 'bytes',
    ...(file.etag && { ETag: `"${file.etag}"` }),
  });
  if (request.fresh) {
    response.status(304).end();
    return;
  }
  const range = rangeOf(request, response, file.size_bytes);
  if (range === 'unsatisfiable') {
    response.set('Content-Range', `bytes */${file.size_bytes}`).removeHeader('Content-Disposition');
    throw new AppError(416, 'range_not_satisfiable', `The file has ${file.size_bytes} bytes.`);
  }
  if (range) response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${file.size_bytes}`);
  response.set('Content-Length', String(range ? range.end - range.start + 1 : file.size_bytes));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  try {
    await pipeline(file.read(range ?? undefined), response);
  } catch (error) {
    // The reader went away, or the disk failed half-way: the headers are out, so the connection is all there is to end.
    response.destroy();
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') logger.warn({ msg: 'file not handed out', err: error });
  }
}

/** A file we make as it is read: an export. It is the caller's alone, and kept nowhere on its way. */
export async function answerMade(response: Response, filename: string, made: Readable): Promise<void> {
  response.attachment(filename).set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
  if (response.req.method === 'HEAD') {
    made.destroy();
    response.end();
    return;
  }
  // Not a byte went out: its reader sleeps, or is gone without a word.
  response.setTimeout(STALLED_MS, () => response.destroy());
  try {
    await pipeline(made, response);
  } catch (error) {
    response.destroy();
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') logger.warn({ msg: 'export not handed out', err: error });
  }
}

/** A type that may stand in a header. */
export const safeType = (mime_type: string): string =>
  /^[\w.+-]{1,100}\/[\w.+-]{1,100}(; ?[\w.+-]+=[\w.+-]+)*$/.test(mime_type) ? mime_type : 'application/octet-stream';

/** One range of bytes; null: the whole file is asked for. */
function rangeOf(request: Request, response: Response, size: number): ByteRange | 'unsatisfiable' | null {
  const condition = request.get('if-range');
  if (condition && condition !== response.get('ETag')) return null;
  const ranges = request.range(size, { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  // Several ranges at once may be answered whole (RFC 9110, 14.2).
  if (ranges === undefined || ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return null;
  return ranges[0];
}
