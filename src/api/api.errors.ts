import { declareErrors } from '#common/error-codes';

export const API_ERRORS = declareErrors({
  idempotency_key_in_use: {
    status: 409,
    cause: 'A request with this `Idempotency-Key` is still at work, or was cut off.',
    remedy: 'Send it again with the same key: half a minute later it is done, or its first answer given.',
  },
  idempotency_key_reused: {
    status: 409,
    cause: 'This `Idempotency-Key` was used with another request.',
    remedy: 'Use a new key for each request of its own.',
  },
  invalid_query: {
    status: 400,
    cause: 'The GraphQL document is not valid.',
    remedy: 'Correct it; `message` says where.',
    by: 'graphql',
  },
  method_not_allowed: {
    status: 405,
    cause: 'The route does not know this method.',
    remedy: 'See the document for the methods it knows.',
    by: 'any',
  },
  query_too_complex: {
    status: 400,
    cause: 'The GraphQL document is too deep, too long, or could answer too much.',
    remedy: 'Lower a `limit`, ask for fewer fields, or split it; `message` says what is too much.',
    by: 'graphql',
  },
  range_not_satisfiable: { status: 416, cause: 'The asked range lies outside the file.', remedy: 'Ask for bytes the file has.' },
  request_timeout: { status: 408, cause: 'The body did not arrive in time.', remedy: 'Send it again.', by: 'any' },
  unsupported_media_type: {
    status: 415,
    cause: 'The body is not JSON by its header, or compressed, or in an encoding that is not read.',
    remedy: 'Send JSON in UTF-8, with `Content-Type: application/json`.',
    by: 'any',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof API_ERRORS, true> {}
}
