import { declareErrors } from '#common/error-codes';

export const API_KEY_ERRORS = declareErrors({
  api_key_expired: {
    status: 409,
    cause: 'The API key has expired, and so would its new value.',
    remedy: 'Give it a later `expires_at` first, or make another key.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof API_KEY_ERRORS, true> {}
}
