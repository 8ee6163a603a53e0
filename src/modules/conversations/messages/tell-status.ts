import type { Tx } from '#database/database';
import { newId } from '#common/uuid';
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

/** It did not leave, by our own word: so says its history too. */
export async function tellUnsent(tx: Tx, message: Moved & Pick<Message, 'failed_at' | 'error_code'>): Promise<void> {
  const { id, organization_id, failed_at, error_code } = message;
  await tx.rows(
    `INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source, error_code)
     VALUES ($1, $2, $3, 'failed', $4, 'api', $5) ON CONFLICT DO NOTHING`,
    [newId(), organization_id, id, failed_at, error_code],
  );
  tellStatus(tx, message, MessageStatus.failed, error_code);
}
