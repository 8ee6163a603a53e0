import { declareErrors } from '#common/error-codes';

export const SECRET_ERRORS = declareErrors({
  secret_in_use: {
    status: 409,
    cause: 'Flows, AI settings or connections use the secret; `details` name them in `used_by`.',
    remedy: 'Give them another secret first, or delete with `force=true`.',
  },
  secret_inactive: { status: 409, cause: 'The secret is switched off.', remedy: 'Activate it first.' },
  unsupported_test: {
    status: 422,
    cause: 'Nobody is known who could say whether the secret of this service works.',
    remedy: 'Test it with `test_type: decrypt`; `message` says what a connection needs.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof SECRET_ERRORS, true> {}
}
