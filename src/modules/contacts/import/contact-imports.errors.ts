import { declareErrors } from '#common/error-codes';

export const IMPORT_ERRORS = declareErrors({
  missing_phone_column: {
    status: 422,
    cause: 'No column of the file is the phone.',
    remedy: 'Call one whatsapp_id, phone, telefone or celular, or name it in `mapping`.',
  },
  too_many_imports: {
    status: 409,
    cause: 'As many imports wait as may.',
    remedy: 'Wait until one has ended; `GET /contacts/imports` shows them.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof IMPORT_ERRORS, true> {}
}
