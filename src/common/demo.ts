/**
 * Rows of the demo organization that have the same id in every installation: the examples of the documents name them, so that they work as
 * they stand in the embedded demo.
 */
export const DEMO = {
  /** Bruno Alves, an agent. */
  user_id: '019aa000-0000-7000-8000-000000000a01',
  /** Vendas, of Bruno. */
  department_id: '019aa000-0000-7000-8000-000000000a02',
  /** His. */
  skill_id: '019aa000-0000-7000-8000-000000000a03',
  /** What an act leaves behind: there once somebody has acted. */
  audit_log_id: '019aa000-0000-7000-8000-000000000f01',
  consent_id: '019aa000-0000-7000-8000-000000000f02',
  data_request_id: '019aa000-0000-7000-8000-000000000f03',
  /** A login of yours. */
  session_id: '019aa000-0000-7000-8000-000000000a08',
  /** A socket of theirs, there while it is open. */
  connection_id: '019aa000-0000-7000-8000-000000000f04',
  /** The ERP's, whose value nobody has. */
  api_key_id: '019aa000-0000-7000-8000-000000000a07',
  /** Cliente fiel. */
  tag_id: '019aa000-0000-7000-8000-000000000b03',
  number_id: '019aa000-0000-7000-8000-000000000b01',
  /** To be paired by QR code. */
  qrcode_number_id: '019aa000-0000-7000-8000-000000000b51',
  template_id: '019aa000-0000-7000-8000-000000000b02',
  /** Nobody has submitted it. */
  draft_template_id: '019aa000-0000-7000-8000-000000000b03',
  /** João Pereira, who waits for his order: an open conversation. */
  contact_id: '019aa000-0000-7000-8000-000000000c01',
  conversation_id: '019aa000-0000-7000-8000-000000000c02',
  /** His question. */
  message_id: '019aa000-0000-7000-8000-000000000c03',
  /** The proof of payment he sent, a file. */
  file_message_id: '019aa000-0000-7000-8000-000000000c04',
  media_id: '019aa000-0000-7000-8000-000000000c06',
  /** A message to him that failed. */
  failed_message_id: '019aa000-0000-7000-8000-000000000c05',
  /** Beatriz Lima, whose conversation is resolved. */
  other_contact_id: '019aa000-0000-7000-8000-000000000d01',
  contact_import_id: '019aa000-0000-7000-8000-000000000d03',
  resolved_conversation_id: '019aa000-0000-7000-8000-000000000d02',

  /** Pedidos, in which nobody waits, and Reclamações, in which somebody does. */
  queue_slug: 'pedidos',
  busy_queue_id: '019aa000-0000-7000-8000-000000000a06',
  queue_id: '019aa000-0000-7000-8000-000000000a04',
  queue_offer_id: '019aa000-0000-7000-8000-000000000a05',
  /** Balcão, where those wait who write to the number. */
  counter_queue_id: '019aa000-0000-7000-8000-000000000a09',

  webhook_id: '019aa000-0000-7000-8000-000000000e11',
  webhook_event_id: '019aa000-0000-7000-8000-000000000e12',

  /** Of the administrator. */
  notification_id: '019aa000-0000-7000-8000-000000000e01',

  // What else examples say of it; the organization's id is another one in every installation.
  organization_id: '019aa000-0000-7000-8000-000000000a00',
  /** Where the webhooks of the number by QR code come in: who knows it may post there, so every installation has its own. */
  webhook_token: '019aa000-0000-7000-8000-000000000b52',
  email: 'admin@demo.pytake',
  /** João's. */
  phone: '+5521987650002',
  /** Approved, in pt_BR, with two values. */
  template_name: 'pedido_pronto',
  time: new Date('2026-11-20T12:00:00.000Z'),
} as const;
