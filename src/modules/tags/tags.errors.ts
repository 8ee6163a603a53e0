import { declareErrors } from '#common/error-codes';

export const TAG_ERRORS = declareErrors({
  tag_already_exists: {
    status: 409,
    cause: 'A tag of this name exists; case does not tell two apart.',
    remedy: 'Use that one, or choose another name.',
  },
  system_tag: { status: 409, cause: 'PyTake itself uses the tag.', remedy: 'Leave it: a system tag cannot be deleted.' },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof TAG_ERRORS, true> {}
}
