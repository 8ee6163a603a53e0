import { randomBytes } from 'node:crypto';

/**
 * HTTP status and text of the error codes the simulator answers.
 * Meta, Cloud API "Error codes" (2026-09); the HTTP column comes from older editions of that page.
 */
const CODES: Readonly<Record<number, readonly [http: number, message: string]>> = {
  1: [400, 'An unknown error occurred'],
  2: [503, 'Service temporarily unavailable'],
  3: [403, 'Application does not have the capability to make this API call'],
  4: [400, 'Application request limit reached'],
  10: [403, 'Application does not have permission for this action'],
  33: [400, 'Parameter value is not valid'],
  100: [400, 'Invalid parameter'],
  190: [401, 'Invalid OAuth access token - Cannot parse access token'],
  200: [403, 'Permissions error'],
  368: [403, 'Temporarily blocked for policies violations'],
  80007: [400, 'There have been too many calls to this WhatsApp Business account'],
  130403: [400, 'User is blocked by the business'],
  130429: [400, 'Rate limit hit'],
  130472: [400, "User's number is part of an experiment"],
  130497: [403, 'Business account is restricted from messaging users in this country'],
  131000: [500, 'Something went wrong'],
  131005: [403, 'Access denied'],
  131008: [400, 'Required parameter is missing'],
  131009: [400, 'Parameter value is not valid'],
  131016: [503, 'Service unavailable'],
  131021: [400, 'Recipient cannot be sender'],
  131026: [400, 'Message undeliverable'],
  131030: [400, 'Recipient phone number not in allowed list'],
  131031: [403, 'Business account has been locked'],
  131042: [400, 'Business eligibility payment issue'],
  131045: [500, 'Incorrect certificate'],
  131047: [400, 'Re-engagement message'],
  131048: [400, 'Spam rate limit hit'],
  131049: [400, 'This message was not delivered to maintain healthy ecosystem engagement'],
  131050: [400, 'User has stopped marketing messages'],
  131051: [400, 'Unsupported message type'],
  131052: [400, 'Media download error'],
  131053: [400, 'Media upload error'],
  131056: [400, '(Business Account, Consumer Account) pair rate limit hit'],
  131057: [500, 'Account in maintenance mode'],
  131062: [400, 'Business-scoped user IDs are not supported for this message'],
  131063: [400, 'Marketing messages are turned off on the Cloud API'],
  131064: [400, 'Template classification limit'],
  132000: [400, 'Number of parameters does not match the expected number of params'],
  132001: [404, 'Template name does not exist in the translation'],
  132005: [400, 'Translated text too long'],
  132007: [400, 'Template content policy violation'],
  132008: [400, 'Parameter value format mismatch'],
  132012: [400, 'Parameter format does not match format in the created template'],
  132015: [400, 'Template is paused'],
  132016: [400, 'Template is disabled'],
  133010: [400, 'Account not registered'],
  135000: [400, 'Generic user error'],
  137000: [400, 'Identity key hash mismatch'],
};

export function isKnownErrorCode(code: number): boolean {
  return code in CODES;
}

/** The text Meta prints for a code, as in `errors[].title` of a failed status. */
export function errorTitle(code: number): string {
  return CODES[code]?.[1] ?? 'Something went wrong';
}

/** An answer of the Graph API that is not a success. */
export class GraphError extends Error {
  readonly http_status: number;

  constructor(
    readonly code: number,
    readonly details?: string,
    readonly subcode?: number,
  ) {
    super(details ?? errorTitle(code));
    this.http_status = CODES[code]?.[0] ?? 400;
  }

  body(): object {
    // Generic Graph errors (auth, "object does not exist") have no error_data; the messaging ones do.
    const plain = this.code === 190 || this.subcode === 33;
    return {
      error: {
        message: plain ? this.message : `(#${this.code}) ${errorTitle(this.code)}`,
        type: plain && this.subcode === 33 ? 'GraphMethodException' : 'OAuthException',
        code: this.code,
        ...(plain ? {} : { error_data: { messaging_product: 'whatsapp', details: this.message } }),
        ...(this.subcode === undefined ? {} : { error_subcode: this.subcode }),
        fbtrace_id: fbtraceId(),
      },
    };
  }
}

/** Meta answers this for an id that is unknown or out of the token's reach. */
export function noSuchObject(method: string, id: string): GraphError {
  return new GraphError(
    100,
    `Unsupported ${method.toLowerCase()} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
    33,
  );
}

function fbtraceId(): string {
  return `A${randomBytes(17).toString('base64url')}`;
}
