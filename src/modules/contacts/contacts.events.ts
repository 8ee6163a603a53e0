import type { ContactView } from './contact.dto';

export interface ContactHappened {
  organization_id: string;
  contact: ContactView;
}

/** Without the rows: the receipt emits it too, from the middle of its own work. */
export interface ContactMerged {
  organization_id: string;
  /** The one that stays. */
  contact_id: string;
  merged_contact_id: string;
}

declare module '#common/events' {
  interface Events {
    'contact.created': ContactHappened;
    /** Any change; the four below are emitted beside it. */
    'contact.updated': ContactHappened;
    'contact.blocked': ContactHappened;
    'contact.unblocked': ContactHappened;
    'contact.opted_in': ContactHappened;
    'contact.opted_out': ContactHappened;
    'contact.deleted': ContactHappened;
    'contact.merged': ContactMerged;
  }
}
