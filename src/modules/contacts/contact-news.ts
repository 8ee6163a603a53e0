import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import type { Tx } from '#database/database';
import type { Contact } from './contact.entity';
import type { ContactIdentity } from './contact-identity.entity';
import { ContactsService } from './contacts.service';
import { presentContact } from './present-contact';
import { type SuppressedKey, SuppressedPhones } from './suppressed-phones';

/** What happens to contacts outside this room's service, in the receipt's own transactions. */
@Injectable()
export class ContactNews {
  constructor(
    private readonly contacts: ContactsService,
    private readonly suppression: SuppressedPhones,
  ) {}

  /** Which of these phones (match keys) marketing must not come back to. */
  suppressed(tx: Tx, people: readonly SuppressedKey[]): Promise<ReadonlySet<string>> {
    return this.suppression.among(tx, people);
  }

  /** From the row as it was written: nothing is read again. */
  created(tx: Tx, contact: Contact, identities: readonly ContactIdentity[]): void {
    tx.tell('contact.created', { organization_id: contact.organization_id, contact: presentContact(contact, identities) });
  }

  /** Something of the contact is another one now. */
  async updated(tx: Tx, actor: Actor, contact_id: string): Promise<void> {
    const { organization_id } = actor;
    tx.tell('contact.updated', { organization_id, contact: await this.contacts.get(actor, contact_id, tx) });
  }

  /** The person took back, or gave, the leave to be written to, on WhatsApp. False: as `setOptIn`. */
  async consent(tx: Tx, organization_id: string, contact_id: string, opt_in: boolean, evidence?: string): Promise<boolean> {
    if (!(await this.setOptIn(tx, organization_id, contact_id, opt_in))) return false;
    await this.contacts.consented(tx, Actor.system(organization_id), [{ contact_id, opt_in }], { evidence });
    return true;
  }

  /** What the contact says of it; false: it says so already, is not there, or is nobody's. */
  async setOptIn(tx: Tx, organization_id: string, contact_id: string, opt_in: boolean): Promise<boolean> {
    const [changed] = await tx.rows(
      `UPDATE contacts SET opt_in = $3, opt_in_date = CASE WHEN $3 THEN now() END, opt_out_date = CASE WHEN NOT $3 THEN now() END, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND opt_in <> $3 AND deleted_at IS NULL AND anonymized_at IS NULL RETURNING id`,
      [organization_id, contact_id, opt_in],
    );
    if (!changed) return false;
    const contact = await this.contacts.get(Actor.system(organization_id), contact_id, tx);
    tx.tell('contact.updated', { organization_id, contact });
    tx.tell(opt_in ? 'contact.opted_in' : 'contact.opted_out', { organization_id, contact });
    return true;
  }
}
