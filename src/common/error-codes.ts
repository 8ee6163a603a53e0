/** What the machine word of an error means to whoever gets it. */
export interface ErrorMeaning {
  /** HTTP status; GraphQL and sockets tell the word alone. */
  status: number;
  /** What happened. */
  cause: string;
  /** What the caller can do about it. */
  remedy: string;
  /** Who says it: any route; only sockets, GraphQL, the simulator, or what fetches an address of a tenant. Otherwise the routes whose comment names it. */
  by?: 'any' | 'sockets' | 'graphql' | 'simulator' | 'egress';
}

const CATALOGUE = new Map<string, ErrorMeaning>();

/**
 * A room's error codes, in its `*.errors.ts`. Beside it the room adds them to `ErrorCodes` by declaration merging, so that a code nobody
 * declared does not compile: `declare module '#common/error-codes' { interface ErrorCodes extends Record<keyof typeof CONTACT_ERRORS, true> {} }`.
 */
export function declareErrors<const T extends Record<string, ErrorMeaning>>(errors: T): T {
  for (const [code, meaning] of Object.entries<ErrorMeaning>(errors)) {
    if (CATALOGUE.has(code)) throw new Error(`The error code ${code} is declared twice`);
    CATALOGUE.set(code, meaning);
  }
  return errors;
}

/** Every declared code with its meaning, in alphabetical order. */
export const errorCatalogue = (): [code: string, meaning: ErrorMeaning][] => [...CATALOGUE].sort(([a], [b]) => (a < b ? -1 : 1));

export const COMMON_ERRORS = declareErrors({
  already_exists: {
    status: 409,
    cause: 'Something with the same unique value exists.',
    remedy: 'Look for it, or choose another value.',
    by: 'any',
  },
  bad_request: { status: 400, cause: 'The request could not be read.', remedy: 'Correct the request; `message` says more.', by: 'any' },
  busy: {
    status: 503,
    cause: 'More is asked of the server at this moment than it can do; nothing has happened.',
    remedy: 'Repeat the request after `Retry-After` seconds.',
    by: 'any',
  },
  internal_error: {
    status: 500,
    cause: 'Something went wrong on the server.',
    remedy: 'Try again later; give support the `X-Request-ID`.',
    by: 'any',
  },
  invalid_json: { status: 400, cause: 'The body is not valid JSON.', remedy: 'Send one JSON document in UTF-8.', by: 'any' },
  egress_blocked: {
    status: 502,
    cause: 'The address leads to a private network, which the server does not enter.',
    remedy: 'Give a public address, or let the operator add its host to EGRESS_ALLOWED_HOSTS.',
    by: 'egress',
  },
  insufficient_role: {
    status: 403,
    cause: 'Your role may not do this.',
    remedy: 'Ask an administrator; `x-role` of the route is the least role.',
    by: 'any',
  },
  not_authenticated: {
    status: 401,
    cause: 'There is no access token, or it is not valid.',
    remedy: 'Sign in at `POST /api/v1/auth/login` and send the token as `Authorization: Bearer`.',
    by: 'any',
  },
  not_found: {
    status: 404,
    cause: 'There is no such thing, or it is of another organization.',
    remedy: 'Check the id; list what there is.',
    by: 'any',
  },
  payload_too_large: {
    status: 413,
    cause: 'The body or the file is larger than is taken.',
    remedy: 'Send less; `message` names the limit.',
    by: 'any',
  },
  provider_timeout: {
    status: 504,
    cause: 'A server outside did not answer in time.',
    remedy: 'Try again later; whether it took effect is not known.',
    by: 'egress',
  },
  provider_unavailable: {
    status: 502,
    cause: 'A provider refused or could not be reached.',
    remedy: 'Try again later; `message` says what the provider said.',
  },
  service_unavailable: {
    status: 503,
    cause: 'A store of the server is down for a moment.',
    remedy: 'Repeat the request after `Retry-After` seconds.',
    by: 'any',
  },
  url_not_allowed: {
    status: 422,
    cause: 'The address is private, or not http(s).',
    remedy: 'Give a public http(s) address, or let the operator add its host to EGRESS_ALLOWED_HOSTS.',
    by: 'egress',
  },
  validation_error: {
    status: 422,
    cause: 'The input is not valid.',
    remedy: '`details` name every wrong field and what it must be.',
    by: 'any',
  },
});

/** The words an error may have; each room adds its own. */
export interface ErrorCodes extends Record<keyof typeof COMMON_ERRORS, true> {}

export type ErrorCode = keyof ErrorCodes;
