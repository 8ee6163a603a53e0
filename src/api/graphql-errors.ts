import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { AppError } from '#common/errors';
import { toAppError } from './errors.filter';

const CODES: Record<number, string> = {
  400: 'BAD_USER_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  422: 'BAD_USER_INPUT',
  429: 'RATE_LIMITED',
  502: 'PROVIDER_ERROR',
};

/** One of our errors as an entry of `errors`. */
export function graphqlError(error: AppError): GraphQLFormattedError {
  return {
    message: error.message,
    extensions: {
      ...error.beside,
      code: CODES[error.status] ?? 'INTERNAL',
      error_code: error.error_code,
      status_code: error.status,
      ...(error.details && { details: error.details }),
      ...(error.retry_after_seconds !== undefined && { retry_after_seconds: error.retry_after_seconds }),
    },
  };
}

/** Whatever the engine or a resolver throws. `discreet`: without the engine's guesses, which spell out a schema that is not shown. */
export function formatError(formatted: GraphQLFormattedError, thrown: unknown, discreet: boolean): GraphQLFormattedError {
  let original = (thrown as { originalError?: unknown })?.originalError;
  // Apollo wraps what GraphQL itself says once more.
  while (original instanceof GraphQLError) original = original.originalError;
  if (original) {
    return { ...graphqlError(toAppError(original)), locations: formatted.locations, path: formatted.path };
  }
  // No original: the query itself does not parse or does not fit the schema.
  const internal = formatted.extensions?.code === 'INTERNAL_SERVER_ERROR';
  return {
    ...formatted,
    message: discreet ? formatted.message.replace(/ ?Did you mean .+\?$/s, '') : formatted.message,
    extensions: {
      code: internal ? 'INTERNAL' : 'BAD_USER_INPUT',
      error_code: internal ? 'internal_error' : 'invalid_query',
      status_code: internal ? 500 : 400,
    },
  };
}
