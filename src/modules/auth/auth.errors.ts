import { declareErrors } from '#common/error-codes';

export const AUTH_ERRORS = declareErrors({
  account_inactive: {
    status: 403,
    cause: 'The account is switched off, or its e-mail is not confirmed where the organization asks for it.',
    remedy: 'Ask your administrator, or confirm the e-mail.',
  },
  invalid_credentials: { status: 401, cause: 'E-mail or password is wrong.', remedy: 'Correct them.' },
  invalid_mfa_token: { status: 401, cause: 'The second step of a login came too late, or with another token.', remedy: 'Log in again.' },
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
  two_factor_code_incorrect: {
    status: 400,
    cause: 'The code is wrong, or was used: each is good once.',
    remedy: 'Give the next one the app shows; set the clock of your phone if they all fail.',
  },
  two_factor_enabled: { status: 409, cause: 'The second factor is on already.', remedy: 'Switch it off first, with a code.' },
  two_factor_not_enabled: { status: 409, cause: 'The second factor is off.', remedy: 'There is nothing to do.' },
  two_factor_not_set_up: { status: 409, cause: 'No second factor is set up.', remedy: 'Begin with `POST /api/v1/auth/2fa/setup`.' },
  two_factor_required: {
    status: 403,
    cause: 'The password is right, and the account asks for a code too.',
    remedy: 'Send the `mfa_token` beside the error, with a code, to `POST /api/v1/auth/2fa/verify`.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof AUTH_ERRORS, true> {}
}
