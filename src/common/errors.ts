import type { ErrorCode } from './error-codes';

/** One mistake in the input: where, what, which kind. */
export interface ErrorDetail {
  /** Path of the field, e.g. `["body", "email"]`. */
  loc?: (string | number)[];
  msg: string;
  type: string;
  [extra: string]: unknown;
}

interface ErrorOptions {
  details?: ErrorDetail[];
  retry_after_seconds?: number;
  /** Stands beside the one shape: what the caller goes on with. */
  beside?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/** An error the caller may see; one filter gives REST, GraphQL and sockets the same shape. `error_code` is part of the contract. */
export class AppError extends Error {
  readonly details?: ErrorDetail[];
  readonly retry_after_seconds?: number;
  readonly beside?: Readonly<Record<string, unknown>>;

  constructor(
    readonly status: number,
    readonly error_code: ErrorCode,
    message: string,
    options: ErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.details = options.details;
    this.retry_after_seconds = options.retry_after_seconds;
    this.beside = options.beside;
  }
}

export class BadRequest extends AppError {
  constructor(error_code: ErrorCode, message: string, options?: ErrorOptions) {
    super(400, error_code, message, options);
  }
}

export class Unauthenticated extends AppError {
  constructor(error_code: ErrorCode = 'not_authenticated', message = 'Sign in first: the access token is missing or not valid.') {
    super(401, error_code, message);
  }
}

export class Forbidden extends AppError {
  constructor(error_code: ErrorCode = 'insufficient_role', message = 'Your role does not allow this.', options?: ErrorOptions) {
    super(403, error_code, message, options);
  }
}

/** Also said of another organization's row: what you may not see does not exist. */
export class NotFound extends AppError {
  constructor(noun = 'Resource', error_code: ErrorCode = 'not_found', message = `${noun} not found`) {
    super(404, error_code, message);
  }
}

export class Conflict extends AppError {
  constructor(error_code: ErrorCode, message: string, options?: ErrorOptions) {
    super(409, error_code, message, options);
  }
}

/** The input is wrong; `details` name the fields. */
export class Invalid extends AppError {
  constructor(details: ErrorDetail[], error_code: ErrorCode = 'validation_error', message?: string) {
    super(422, error_code, message ?? details.map((d) => (d.loc ? `${d.loc.join('.')}: ${d.msg}` : d.msg)).join('; '), { details });
  }

  /** One wrong field of the body. */
  static field(name: string, msg: string, error_code: ErrorCode = 'validation_error', type = 'value_error'): Invalid {
    return new Invalid([{ loc: ['body', name], msg, type }], error_code, msg);
  }

  /** One wrong parameter of the query. */
  static query(name: string, msg: string, type = 'value_error'): Invalid {
    return new Invalid([{ loc: ['query', name], msg, type }]);
  }
}

export class TooMany extends AppError {
  constructor(error_code: ErrorCode, message: string, retry_after_seconds: number) {
    super(429, error_code, message, { retry_after_seconds });
  }
}

/** A provider (Meta, Evolution, an AI) refused or could not be reached. */
export class ProviderError extends AppError {
  constructor(message: string, error_code: ErrorCode = 'provider_unavailable', options?: ErrorOptions) {
    super(502, error_code, message, options);
  }
}

/** A store of ours is down; the caller may repeat the request. */
export class Unavailable extends AppError {
  constructor(
    message = 'The service is temporarily unavailable. Try again in a moment.',
    error_code: ErrorCode = 'service_unavailable',
    options?: ErrorOptions,
  ) {
    super(503, error_code, message, { retry_after_seconds: 5, ...options });
  }
}
