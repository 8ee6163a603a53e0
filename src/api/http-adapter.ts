import { ExpressAdapter } from '@nestjs/platform-express';
import type { Response } from 'express';

type NotFoundHandler = Parameters<ExpressAdapter['setNotFoundHandler']>[0];

/** Characters: shorter ones leave in one packet with their headers. */
const LONG = 4096;

/** Express as our doors want it: every list says its total, and what a handler answers leaves in one piece. */
export class HttpAdapter extends ExpressAdapter {
  /** Pages that many asked for at once are written out once. */
  private readonly pages = new WeakMap<object, Buffer>();

  override reply(response: Response, body: unknown, status?: number): unknown {
    if (!isPlain(body)) return super.reply(response, body, status);
    const { total_pages, total } = body as { total_pages?: number; total?: number };
    if (total_pages !== undefined && total !== undefined) response.setHeader('X-Total-Count', String(total));
    if (response.hasHeader('Content-Type') || response.req.method === 'HEAD') return super.reply(response, body, status);
    if (status !== undefined) response.statusCode = status;
    const bytes = this.pages.get(body) ?? inOnePiece(body);
    if (total_pages !== undefined && typeof bytes !== 'string') this.pages.set(body, bytes);
    response.setHeader('Content-Type', 'application/json; charset=utf-8').setHeader('Content-Length', Buffer.byteLength(bytes));
    return response.end(bytes);
  }

  /** Nest answers unknown routes below the prefix only; ours have one shape wherever they are. */
  override setNotFoundHandler(handler: NotFoundHandler): unknown {
    return super.setNotFoundHandler(handler, '');
  }
}

/** A long text would be read twice: for its length, and to be written. */
function inOnePiece(body: object): string | Buffer {
  const text = JSON.stringify(body);
  return text.length > LONG ? Buffer.from(text) : text;
}

/** What a service answers with: an object or a list as such. Files and errors are classes, and Nest's to send. */
const isPlain = (body: unknown): body is object => {
  if (typeof body !== 'object' || body === null) return false;
  const made_of: unknown = Object.getPrototypeOf(body);
  return made_of === Object.prototype || made_of === Array.prototype || made_of === null;
};
