import { declareErrors } from '#common/error-codes';

export const ACCESS_ERRORS = declareErrors({
  api_key_not_allowed: {
    status: 403,
    cause: 'This is for people: an account of one’s own, or the making of API keys.',
    remedy: 'Sign in, and send the access token instead of the API key.',
    by: 'any',
  },
  invalid_api_key: {
    status: 401,
    cause: 'The API key is unknown, revoked or expired, or who made it is switched off.',
    remedy: 'Use a live key, or let an administrator make one.',
    by: 'any',
  },
  ip_not_allowed: {
    status: 403,
    cause: 'Your organization allows access from certain addresses only (`security_settings.allowed_ip_ranges`).',
    remedy: 'Come from one of them, or ask your administrator.',
    by: 'any',
  },
  organization_inactive: {
    status: 403,
    cause: 'Your organization is not active.',
    remedy: 'Ask its administrator or the operator.',
    by: 'any',
  },
  organization_suspended: {
    status: 403,
    cause: 'Your organization is suspended.',
    remedy: 'Ask its administrator or the operator.',
    by: 'any',
  },
  permission_denied: {
    status: 403,
    cause: 'Your permissions are narrower than your role, and this is none of them.',
    remedy: 'Ask your administrator; `GET /api/v1/users/{user_id}/permissions` with your own id says what you may.',
    by: 'any',
  },
  rate_limit_exceeded: {
    status: 429,
    cause: 'Too many requests of this class.',
    remedy: 'Wait `Retry-After` seconds.',
    by: 'any',
  },
  token_expired: {
    status: 401,
    cause: 'The access token has expired.',
    remedy: 'Refresh it at `POST /api/v1/auth/refresh`, or sign in again.',
    by: 'any',
  },
  token_revoked: {
    status: 401,
    cause: 'The session has ended: log-out, another role, a new password, or an account switched off.',
    remedy: 'Sign in again.',
    by: 'any',
  },
  two_factor_setup_required: {
    status: 403,
    cause: 'Your organization asks for a second factor, and your account has none yet.',
    remedy: 'Set it up: `POST /api/v1/auth/2fa/setup`, then `POST /api/v1/auth/2fa/enable`.',
    by: 'any',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof ACCESS_ERRORS, true> {}
}
