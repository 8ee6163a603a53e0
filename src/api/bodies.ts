import { parse as parseForm } from 'node:querystring';
import type { NextFunction, RequestHandler, Response } from 'express';
import type { AppRequest } from '#access/request';
import { AppError, BadRequest } from '#common/errors';
import { noObject } from './validation.pipe';
import { BodyReader, SMALL_BYTES } from './body-reader';

const MAX_BYTES = 1024 * 1024;
/** What is still on its way when the answer is given is heard out this long, so that the answer is read; then the connection ends. */
const LINGER_MS = 1000;

interface Paths {
  /** Nothing but JSON and forms is taken here: it would be called missing fields. */
  ours: string[];
  /** These have a guard of their own, which asks for no Authorization header. */
  guarded: string[];
}

/** Reads JSON and forms into `request.body`; who says not even who they are may send little. Files (multipart) are read by their routes. */
export function readBodies({ ours, guarded }: Paths): RequestHandler {
  const reader = new BodyReader();
  return async (request: AppRequest, response: Response, next: NextFunction) => {
    // GraphQL's engine asks whether it was looked for.
    request.body = undefined;
    if (!hasBody(request) || request.is('multipart')) return next();
    const isForm = Boolean(request.is('urlencoded'));
    if (!isForm && !request.is('json')) return next(isBelow(ours, request) ? notJson() : undefined);
    lingerBriefly(request, response);
    try {
      const isStranger = !request.headers.authorization && !request.headers['x-api-key'] && !isBelow(guarded, request);
      await reader.read(request, isStranger ? SMALL_BYTES : MAX_BYTES, async (raw) => {
        assertUtf8(request);
        request.body = isForm ? formOf(raw) : jsonOf(raw);
        next();
        await closed(response);
      });
    } catch (error) {
      next(error);
    }
  };
}

/** Ends the connection of who goes on sending a body that was answered already. */
export function lingerBriefly(request: AppRequest, response: Response): void {
  response.once('finish', () => {
    if (!request.complete) setTimeout(() => request.complete || request.socket.destroy(), LINGER_MS).unref();
  });
}

const isBelow = (paths: string[], { path }: AppRequest): boolean => paths.some((each) => path.startsWith(each));

const hasBody = ({ headers }: AppRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function assertUtf8(request: AppRequest): void {
  const charset = /charset="?([^\s;"]+)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new AppError(415, 'unsupported_media_type', 'This encoding is not supported; send UTF-8.');
}

/** An object or a list. */
function jsonOf(raw: Buffer): object {
  const value = raw.length ? parseJson(raw) : {};
  if (typeof value !== 'object' || value === null) throw noObject('body');
  return value;
}

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(raw));
  } catch {
    throw new BadRequest('invalid_json', 'The body is not valid JSON.');
  }
}

function formOf(raw: Buffer): unknown {
  const form = parseForm(raw.toString(), '&', '=', { maxKeys: 0 });
  const [key, ...more] = Object.keys(form);
  // `curl -d '{...}'` without the header.
  if (key?.startsWith('{') && !more.length) throw notJson();
  return form;
}

const notJson = (): AppError => new AppError(415, 'unsupported_media_type', 'Send the header Content-Type: application/json.');

const closed = (response: Response): Promise<void> =>
  new Promise((resolve) => (response.closed ? resolve() : response.once('close', resolve)));
