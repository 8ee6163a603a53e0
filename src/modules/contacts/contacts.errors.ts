import { declareErrors } from '#common/error-codes';

export const CONTACT_ERRORS = declareErrors({
  cannot_merge_self: { status: 409, cause: 'Both are the same contact.', remedy: 'Name two different contacts.' },
  contact_already_exists: {
    status: 409,
    cause: 'A contact with this number exists; `details` name it in `existing_id`.',
    remedy: 'Update that one, or merge the two.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof CONTACT_ERRORS, true> {}
}
