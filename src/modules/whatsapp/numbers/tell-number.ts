import type { Tx } from '#database/database';
import { ConnectionStatus, type WhatsAppNumber } from './whatsapp-number.entity';

/** A number as the provider's own words changed it, with the connection it had before. */
export type ChangedNumber = WhatsAppNumber & { previous_status: ConnectionStatus };

/** What Meta told of a number, or a refusal said about it. */
export function tellNumber(tx: Tx, { previous_status, ...number }: ChangedNumber): void {
  tx.tell('whatsapp_number.updated', { organization_id: number.organization_id, number });
  tellStatus(tx, number, previous_status);
}

/** Its connection, if that is another one now. */
export function tellStatus(tx: Tx, number: WhatsAppNumber, previous_status: ConnectionStatus): void {
  const { organization_id, connection_status } = number;
  if (connection_status === previous_status) return;
  tx.tell('whatsapp_number.status', { organization_id, number });
  if (connection_status === ConnectionStatus.connected) tx.tell('whatsapp_number.connected', { organization_id, number });
  else if (previous_status === ConnectionStatus.connected) tx.tell('whatsapp_number.disconnected', { organization_id, number });
}
