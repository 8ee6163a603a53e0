import type { WhatsAppNumber } from './whatsapp-number.entity';

export interface NumberHappened {
  organization_id: string;
  number: WhatsAppNumber;
}

declare module '#common/events' {
  interface Events {
    'whatsapp_number.created': NumberHappened;
    /** Any change; the ones below are emitted beside it. */
    'whatsapp_number.updated': NumberHappened;
    'whatsapp_number.deleted': NumberHappened;
    /** Switched on or off, connected or lost. */
    'whatsapp_number.status': NumberHappened;
    'whatsapp_number.connected': NumberHappened;
    'whatsapp_number.disconnected': NumberHappened;
    'whatsapp_number.quality_updated': NumberHappened & { previous_quality_rating: string | null };
    /** Has all it needs, and some of it is new: time to try it. */
    'whatsapp_number.configured': { organization_id: string; whatsapp_number_id: string };
    /** A template of it has another text at Meta. */
    'whatsapp_number.templates_changed': { organization_id: string; whatsapp_number_id: string };
    /** What WhatsApp shows of the business changed here. */
    'whatsapp_number.profile_changed': { organization_id: string; whatsapp_number_id: string };
  }
}
