import { newId } from '#common/uuid';
import { Message, MessageStatus } from './message.entity';

type Given = Pick<Message, 'organization_id' | 'conversation_id' | 'contact_id' | 'direction' | 'sender_type' | 'message_type'> &
  Partial<Message>;

/** A message row with every column said, so that it can be stored, told and answered without reading it back. */
export function newMessage(given: Given): Message {
  const now = new Date();
  return {
    id: newId(),
    whatsapp_number_id: null,
    sender_user_id: null,
    sender_name: null,
    content: null,
    payload: {},
    media: null,
    status: MessageStatus.pending,
    whatsapp_message_id: null,
    reply_to_message_id: null,
    forwarded: false,
    reactions: [],
    template_id: null,
    campaign_id: null,
    metadata: {},
    client_reference: null,
    is_deleted: false,
    edited_at: null,
    earlier_versions: null,
    resent_from_id: null,
    resent_as_id: null,
    error_code: null,
    error_message: null,
    pricing: null,
    sent_at: null,
    delivered_at: null,
    read_at: null,
    played_at: null,
    failed_at: null,
    created_at: now,
    updated_at: now,
    ...given,
  };
}
