import type { Tx } from '#database/database';
import { ConnectionStatus, type WhatsAppNumber } from './whatsapp-number.entity';

/** A number as the provider's own words changed it, with the connection it had before. */
export type ChangedNumber = WhatsAppNumber & { previous_status: ConnectionStatus };

/** What Meta told of a number, or a refusal said about it. */
export function tellNumber(tx: Tx, { previous_status, ...number }: ChangedNumber, was_connected?: boolean): void {
  tx.tell('whatsapp_number.updated', { organization_id: number.organization_id, number });
  tellStatus(tx, number, previous_status, was_connected);
}

/** Its connection, if that is another one now. `was_connected`: whether there was one to lose, or to come back. */
export function tellStatus(
  tx: Tx,
  number: WhatsAppNumber,
  previous_status: ConnectionStatus,
  was_connected = previous_status === ConnectionStatus.connected,
): void {
  const { organization_id, connection_status } = number;
  if (connection_status === previous_status) return;
  tx.tell('whatsapp_number.status', { organization_id, number });
  if (connection_status === ConnectionStatus.connected) {
    if (!was_connected) tx.tell('whatsapp_number.connected', { organization_id, number });
  } else if (was_connected && connection_status !== ConnectionStatus.connecting)
    tx.tell('whatsapp_number.disconnected', { organization_id, number });
}
