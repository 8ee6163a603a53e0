import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger, NotFoundException } from '@nestjs/common';
import type { Response } from 'express';
import type { AppRequest } from '#access/request';
import { AppError, type ErrorDetail } from '#common/errors';
import { Config } from '#config/config';
import { knownError } from '#database/database-errors';

/** The one error shape of REST: the union of what the sources' clients read. */
export interface ErrorBody {
  error: { code: number; message: string; type: string; details?: ErrorDetail[] };
  detail: string | ErrorDetail[];
  status_code: number;
  error_code: string;
}

const TYPES: Record<number, string> = { 422: 'validation_error', 429: 'rate_limit_error', 500: 'internal_error' };

const logger = new Logger('errors');

/** Anything thrown → an error the caller may see. What is not ours is logged and becomes a plain 500. */
export function toAppError(error: unknown): AppError {
  const known = knownError(error);
  if (known) return known;
  if (error instanceof HttpException) return fromHttp(error);
  const { status, type } = error as { status?: number; type?: string };
  // body-parser's errors
  if (type === 'entity.parse.failed') return new AppError(400, 'invalid_json', 'The body is not valid JSON.');
  if (type === 'entity.too.large') return new AppError(413, 'payload_too_large', 'The body is too large.');
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new AppError(415, 'unsupported_media_type', 'This encoding is not supported; send UTF-8.');
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new AppError(status, 'bad_request', 'The request could not be read.');
  logger.error({ msg: 'unexpected error', err: error });
  return new AppError(500, 'internal_error', 'Something went wrong on our side. The request id helps support to find it.');
}

function fromHttp(error: HttpException): AppError {
  const status = error.getStatus();
  if (status === 413) return new AppError(413, 'payload_too_large', 'The body is too large.');
  if (status === 400 && /JSON/i.test(error.message)) return new AppError(400, 'invalid_json', 'The body is not valid JSON.');
  return new AppError(status, status === 405 ? 'method_not_allowed' : 'bad_request', error.message);
}

/** Names the documents where there are any. */
export const noSuchRoute = ({ docs_enabled }: Config): AppError =>
  new AppError(404, 'not_found', docs_enabled ? 'No such route. See /api/v1/docs for what there is.' : 'No such route.');

function errorBody(error: AppError): ErrorBody {
  const { status, error_code, message, details } = error;
  return {
    error: { code: status, message, type: TYPES[status] ?? 'http_error', ...(details && { details }) },
    detail: status === 422 && details ? details : message,
    status_code: status,
    error_code,
  };
}

/** Answers with the error and its headers; `more` stands beside the one shape. */
export function sendError(response: Response, error: AppError, more: object = {}): void {
  if (error.retry_after_seconds !== undefined) response.setHeader('Retry-After', Math.ceil(error.retry_after_seconds));
  if (error.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  response.status(error.status).json({ ...error.beside, ...errorBody(error), ...more });
}

/** Every REST error in the one shape; no stack, no SQL, no path. GraphQL formats its own from the same AppError. */
@Catch()
export class ErrorsFilter implements ExceptionFilter {
  constructor(private readonly config: Config) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    // Ours are AppErrors; Nest's own is its router's.
    const error = thrown instanceof NotFoundException ? noSuchRoute(this.config) : toAppError(thrown);
    if (host.getType<string>() === 'graphql') throw error;
    const response = host.switchToHttp().getResponse<Response>();
    const request = host.switchToHttp().getRequest<AppRequest>();
    if (response.headersSent) {
      response.end();
      return;
    }
    if (request.request_id) response.setHeader('X-Request-ID', request.request_id);
    sendError(response, error);
  }
}
