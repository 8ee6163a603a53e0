export const BRIEF = {
  image: '📷 Photo',
  video: '🎬 Video',
  audio: '🎤 Audio',
  document: '📄 Document',
  sticker: 'Sticker',
  location: '📍 Location',
  contacts: '👤 Contact',
  template: 'Template',
  interactive: 'Options',
  order: '🛒 Order',
  unsupported: 'Not supported',
  system: 'System',
};
const SENDERS = { bot: 'Bot', campaign: 'Campaign', automation: 'Automation', api: 'API', device: 'Business phone', system: 'System' };

export function nameOf(conversation) {
  const c = conversation?.contact ?? {};
  return c.display_name ?? c.name ?? (c.username ? `@${c.username}` : null) ?? c.phone_number ?? 'Customer';
}

/** Who answered, as an agent sees it. */
export function senderOf(message, me) {
  if (message.sender_user_id && message.sender_user_id === me) return 'You';
  return SENDERS[message.sender_type] ?? message.sender_name ?? 'Agent';
}

export function preview(message) {
  if (message.is_deleted) return 'Deleted message';
  return message.content || message.payload?.body || BRIEF[message.message_type] || message.message_type || '';
}

export const isClosed = (conversation) => ['closed', 'resolved'].includes(conversation?.status);
