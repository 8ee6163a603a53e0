import { declareErrors } from '#common/error-codes';

export const WHATSAPP_ERRORS = declareErrors({
  invalid_signature: {
    status: 403,
    cause: 'The signature over the raw body is missing or wrong; of Evolution, its `X-PyTake-Token`.',
    remedy: 'Check the app secret of the number, or META_APP_SECRET; of Evolution, ask for a QR code anew.',
  },
  invalid_verify_token: {
    status: 403,
    cause: 'The verify token is not one of ours.',
    remedy: 'Copy it from the number, or from META_WEBHOOK_VERIFY_TOKEN.',
  },
  media_gone: {
    status: 410,
    cause: 'The file is no longer there, or the provider did not hand it out.',
    remedy: 'Ask the customer to send it again.',
  },
  media_quota_exceeded: {
    status: 409,
    cause: 'The files of the organization take all its plan allows.',
    remedy: 'Remove files, or ask for a larger plan; `max_media_bytes` of `plan_limits` is the limit.',
  },
  media_not_ready: { status: 409, cause: 'The file is still being fetched from the provider.', remedy: 'Try again in a moment.' },
  not_supported_for_connection_type: {
    status: 409,
    cause: 'This kind of number cannot do it.',
    remedy: 'Templates need an official number, a QR code a number by QR code.',
  },
  number_already_registered: {
    status: 409,
    cause: 'The phone is registered in your organization already.',
    remedy: 'Update that number instead.',
  },
  number_not_configured: {
    status: 409,
    cause: 'The number lacks its `phone_number_id`, its account or its `access_token`; a qrcode number, an Evolution server and its key.',
    remedy: 'Complete it with `PUT /api/v1/whatsapp/{number_id}`.',
  },
  phone_number_id_in_use: {
    status: 409,
    cause: 'Another number has this `phone_number_id`.',
    remedy: 'Check it in Meta’s app; delete the other number first.',
  },
  system_template: {
    status: 409,
    cause: 'The template is Meta’s own, as hello_world is.',
    remedy: 'Make one of your own; switch this one off with `is_enabled`.',
  },
  template_already_exists: {
    status: 409,
    cause: 'The number has a template of this name in this language.',
    remedy: 'Update it, or choose another name: one that was deleted at Meta is taken for 30 days.',
  },
  template_edit_limit: {
    status: 409,
    cause: 'Meta takes one edit of an approved template in 24 hours, and ten in 30 days.',
    remedy: 'Wait, or make another template.',
  },
  template_example_required: {
    status: 422,
    cause: 'Meta wants an example for every variable, and a file for a header of media; `details` name the places.',
    remedy: 'Give them in `example` of the component, or keep the draft with `submit=false`.',
  },
  template_not_editable: {
    status: 409,
    cause: 'The template is being reviewed, is gone or blocked, or is just being handed to Meta.',
    remedy: 'Wait for Meta’s verdict.',
  },
  template_not_submittable: {
    status: 409,
    cause: 'Meta has the template already, or it is just being handed to it.',
    remedy: 'Only a DRAFT or what was REJECTED is submitted.',
  },
  template_rejected_by_meta: {
    status: 422,
    cause: 'Meta refused the template at once; its own words stand in `detail`.',
    remedy: 'Change the text and submit it again.',
  },
  sync_in_progress: { status: 409, cause: 'The templates of this number are being synced.', remedy: 'Wait until it is done.' },
  template_parameter_mismatch: {
    status: 422,
    cause: 'The values do not fit the variables of the template; `details` name each.',
    remedy: 'Give a value for every variable; `variables` of the template list them.',
  },
  unsupported_file: {
    status: 422,
    cause: 'WhatsApp does not take this kind of file; the content counts, not the name.',
    remedy: 'Send one of the kinds of `POST /api/v1/whatsapp/media`.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof WHATSAPP_ERRORS, true> {}
}
