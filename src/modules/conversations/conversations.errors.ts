import { declareErrors } from '#common/error-codes';

export const CONVERSATION_ERRORS = declareErrors({
  contact_blocked: { status: 409, cause: 'The contact is blocked.', remedy: 'Unblock it first.' },
  conversation_already_archived: { status: 409, cause: 'The conversation is archived.', remedy: 'Nothing is left to do.' },
  conversation_already_closed: { status: 409, cause: 'The conversation is closed.', remedy: 'Nothing is left to do.' },
  conversation_already_open: {
    status: 409,
    cause: 'The contact has a live conversation on this number; `details` name it in `existing_id`.',
    remedy: 'Go on in that one.',
  },
  conversation_not_active: { status: 409, cause: 'The conversation is neither open nor pending.', remedy: 'Reopen it first.' },
  conversation_not_closed: { status: 409, cause: 'The conversation is live.', remedy: 'Nothing is left to do.' },
  invalid_status_transition: {
    status: 409,
    cause: 'A conversation cannot go from its status to this one.',
    remedy: 'Read its status, and go by way of open.',
  },
  message_not_failed: {
    status: 409,
    cause: 'The message did not fail, or was sent again already.',
    remedy: 'Follow `resent_as_id`, or send a new message.',
  },
  message_not_reactable: {
    status: 409,
    cause: 'A note, a deleted message, one that WhatsApp does not have yet, or one older than 30 days.',
    remedy: 'React to a message that stands in the thread on the phone.',
  },
  no_whatsapp_number: {
    status: 409,
    cause: 'The organization has no number to send from.',
    remedy: 'Add one with `POST /api/v1/whatsapp`.',
  },
  not_incoming: { status: 409, cause: 'Only incoming messages can be marked read.', remedy: 'Name an incoming message.' },
  number_inactive: { status: 409, cause: 'The number is switched off.', remedy: 'Activate it.' },
  number_not_connected: { status: 409, cause: 'The qrcode number is not connected.', remedy: 'Scan its QR code.' },
  phone_required: {
    status: 409,
    cause: 'The message needs a phone the contact does not show.',
    remedy: 'Ask for the phone, or send something else than an authentication template.',
  },
  recipient_is_sender: { status: 422, cause: '`to` is the sending number itself.', remedy: 'Name another recipient.' },
  template_disabled: { status: 409, cause: 'The template is switched off here.', remedy: 'Switch it on, or choose another.' },
  template_not_approved: {
    status: 409,
    cause: 'Meta has not approved the template.',
    remedy: 'Choose one whose status is APPROVED; sync to see the newest status.',
  },
  whatsapp_rate_limited: {
    status: 429,
    cause: 'The number has sent as much as its limits of the hour or the day allow.',
    remedy: 'Wait `Retry-After` seconds.',
  },
  window_closed: {
    status: 409,
    cause: 'The contact last wrote more than 24 hours ago.',
    remedy: 'Send a template; `requires_template` of the conversation tells beforehand.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof CONVERSATION_ERRORS, true> {}
}
