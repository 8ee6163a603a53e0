import { declareErrors } from '#common/error-codes';

export const DEPARTMENT_ERRORS = declareErrors({
  department_in_use: {
    status: 409,
    cause: 'The department has queues, or open or pending conversations.',
    remedy: 'Name another one in `move_to_department_id` that takes them over.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof DEPARTMENT_ERRORS, true> {}
}
