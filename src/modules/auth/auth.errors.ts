import { declareErrors } from '#common/error-codes';

export const AUTH_ERRORS = declareErrors({
  account_inactive: {
    status: 403,
    cause: 'The account is switched off, or its e-mail is not confirmed where the organization asks for it.',
    remedy: 'Ask your administrator, or confirm the e-mail.',
  },
  invalid_credentials: { status: 401, cause: 'E-mail or password is wrong.', remedy: 'Correct them.' },
  invalid_refresh_token: { status: 401, cause: 'The refresh token is not valid or has expired.', remedy: 'Sign in again.' },
  registration_disabled: {
    status: 403,
    cause: 'The operator closed registration.',
    remedy: 'Ask the operator of the server for an account.',
  },
  refresh_token_reused: {
    status: 401,
    cause: 'The refresh token was used before: it may be stolen, so the session has ended.',
    remedy: 'Sign in again; keep the refresh token of the newest answer only.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof AUTH_ERRORS, true> {}
}
