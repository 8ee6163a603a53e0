import { declareErrors } from '#common/error-codes';

export const ORGANIZATION_ERRORS = declareErrors({
  invalid_state: {
    status: 409,
    cause: 'What is asked for does not go with the state the thing is in; `message` says why.',
    remedy: 'Look at its state, and what leads out of it.',
  },
  plan_limit_exceeded: {
    status: 403,
    cause: 'The plan allows no more of them; `details` name the limit and what is in use.',
    remedy: 'Remove some, or ask for a larger plan.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof ORGANIZATION_ERRORS, true> {}
}
