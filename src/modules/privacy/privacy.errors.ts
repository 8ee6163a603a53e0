import { declareErrors } from '#common/error-codes';

export const PRIVACY_ERRORS = declareErrors({
  expired: { status: 410, cause: 'The file was kept for seven days and is gone.', remedy: 'Export the data again.' },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof PRIVACY_ERRORS, true> {}
}
