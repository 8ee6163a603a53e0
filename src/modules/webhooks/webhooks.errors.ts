import { declareErrors } from '#common/error-codes';

export const WEBHOOK_ERRORS = declareErrors({
  webhook_inactive: { status: 409, cause: 'The webhook is switched off.', remedy: 'Switch it on with `is_active: true`, then repeat.' },
  webhook_of_number: {
    status: 409,
    cause: 'The webhook is the `webhook_url` of a WhatsApp number.',
    remedy: 'Change the number instead: `PUT /whatsapp/{number_id}`.',
  },
  delivery_in_flight: {
    status: 409,
    cause: 'The event is being delivered at this moment.',
    remedy: 'Look at the log; repeat it once it has ended.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof WEBHOOK_ERRORS, true> {}
}
