import { declareErrors } from '#common/error-codes';

export const ORGANIZATION_ERRORS = declareErrors({
  plan_limit_exceeded: {
    status: 403,
    cause: 'The plan allows no more of them; `details` name the limit and what is in use.',
    remedy: 'Remove some, or ask for a larger plan.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof ORGANIZATION_ERRORS, true> {}
}
