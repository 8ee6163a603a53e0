import type { Tx } from '#database/database';
import { type Message, MessageStatus } from './message.entity';

/** What a status is told of. */
type Moved = Pick<Message, 'id' | 'organization_id' | 'conversation_id' | 'contact_id' | 'whatsapp_number_id'>;

/** What became of a message that was to be sent. */
export function tellStatus(tx: Tx, message: Moved, status: MessageStatus, error_code: string | null): void {
  const { id, organization_id, conversation_id, contact_id, whatsapp_number_id } = message;
  tx.tell('message.status', {
    organization_id,
    message_id: id,
    conversation_id,
    contact_id,
    whatsapp_number_id,
    status,
    previous_status: MessageStatus.pending,
    timestamp: new Date(),
    error_code,
  });
}
