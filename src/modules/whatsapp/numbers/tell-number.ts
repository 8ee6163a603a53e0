import type { EventBus } from '#common/events';
import './numbers.events';
import { ConnectionStatus, type WhatsAppNumber } from './whatsapp-number.entity';

/** A number as the provider's own words changed it, with the connection it had before. */
export type ChangedNumber = WhatsAppNumber & { previous_status: ConnectionStatus };

/** After the commit: what Meta told of a number, or a refusal said about it. */
export function tellNumber(events: EventBus, { previous_status, ...number }: ChangedNumber): void {
  const { organization_id, connection_status } = number;
  events.emit('whatsapp_number.updated', { organization_id, number });
  if (connection_status === previous_status) return;
  events.emit('whatsapp_number.status', { organization_id, number });
  if (connection_status === ConnectionStatus.connected) events.emit('whatsapp_number.connected', { organization_id, number });
  else if (previous_status === ConnectionStatus.connected) events.emit('whatsapp_number.disconnected', { organization_id, number });
}
