import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import { AuditService } from '#modules/audit/audit.service';
import type { Contact } from './contact.entity';
import type { ContactIdentity } from './contact-identity.entity';
import { ContactsService, presentContact } from './contacts.service';

/** What happened to contacts outside this room's service (the receipt's own transactions). Called after their commit. */
@Injectable()
export class ContactNews {
  private readonly logger = new Logger(ContactNews.name);

  constructor(
    private readonly contacts: ContactsService,
    private readonly events: EventBus,
    private readonly audit: AuditService,
  ) {}

  /** From the row as it was written: nothing is read again. */
  created(contact: Contact, identities: readonly ContactIdentity[]): void {
    this.events.emit('contact.created', { organization_id: contact.organization_id, contact: presentContact(contact, identities) });
  }

  /** The provider's ids met two contacts who are one person. */
  merged(organization_id: string, contact_id: string, merged_contact_id: string): void {
    this.events.emit('contact.merged', { organization_id, contact_id, merged_contact_id });
    void this.audit.record(Actor.system(organization_id), {
      action: 'contact.merged',
      resource_id: contact_id,
      metadata: { merged_contact_id },
    });
  }

  /** Rare, so it is read anew: the person took back, or gave, the leave to be written to. */
  consented(organization_id: string, contact_id: string, opt_in: boolean): void {
    this.contacts
      .get(Actor.system(organization_id), contact_id)
      .then((contact) => {
        this.events.emit('contact.updated', { organization_id, contact });
        this.events.emit(opt_in ? 'contact.opted_in' : 'contact.opted_out', { organization_id, contact });
      })
      .catch((err: unknown) => this.logger.warn({ msg: 'contact event not told', contact_id, err }));
  }
}
