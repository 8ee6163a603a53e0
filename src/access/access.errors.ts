import { declareErrors } from '#common/error-codes';

export const ACCESS_ERRORS = declareErrors({
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
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof ACCESS_ERRORS, true> {}
}
