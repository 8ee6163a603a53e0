import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { assertSomebody } from '#common/assert-somebody';
import { NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { forgetRows } from '#database/forget-rows';
import { belongingsOf, forgetIdentities } from './contact-identities';
import { IdentityKind } from './contact-identity.entity';
import { ANONYMOUS, Contact } from './contact.entity';
import { ContactsService } from './contacts.service';
import { presentContact } from './present-contact';
import { SuppressedPhones } from './suppressed-phones';

/** What is left of a contact whom nobody may know any more. */
@Injectable()
export class ForgetContact {
  constructor(
    private readonly database: Database,
    private readonly contacts: ContactsService,
    private readonly suppression: SuppressedPhones,
  ) {}

  /**
   * Contract 10, 10: from this commit on nothing says who it was; their open conversations end, their number is free, marketing does not come back to it.
   * Erased, the row itself goes with what refers to it. A deleted contact too.
   * @returns The names by which copies of what was said may still know them.
   * @throws {NotFound} @throws {Conflict} already_anonymized.
   */
  async forget(tx: Tx, actor: Actor, id: string, how: 'erase' | 'anonymize'): Promise<string[]> {
    const ids = [actor.organization_id, id];
    const contacts = this.database.repository(Contact, tx);
    const [raw] = await tx.rows<Record<string, unknown> | undefined>(
      `SELECT ${contacts.columns} FROM contacts WHERE organization_id = $1 AND id = $2 FOR UPDATE`,
      ids,
    );
    if (!raw) throw new NotFound('Contact');
    const contact = contacts.hydrate(raw);
    if (how === 'anonymize') assertSomebody('contact', contact);
    const [{ identities }] = await belongingsOf(this.database, actor, [id], tx);
    const phones = identities.filter(({ kind }) => kind === IdentityKind.phone).map(({ value }) => value);
    await this.suppression.add(tx, actor, contact.match_key ? [...phones, contact.match_key] : phones);
    if (!contact.deleted_at) await this.contacts.end(tx, actor, contact, 'contact_deleted');
    await forgetIdentities(tx, actor.organization_id, id);
    await tx.rows(
      `UPDATE contacts SET opt_in = false, opt_in_date = NULL, opt_out_date = coalesce(opt_out_date, now()), anonymized_at = coalesce(anonymized_at, now()),
          deleted_at = CASE WHEN $3 THEN coalesce(deleted_at, now()) ELSE deleted_at END, updated_at = now()
        WHERE organization_id = $1 AND id = $2`,
      [...ids, how === 'erase'],
    );
    await forgetRows(tx, { table: 'contacts', where: 'organization_id = $1 AND id = $2', forgetting: ANONYMOUS, ids });
    const { organization_id } = actor;
    const nobody = { ...contact, ...Object.fromEntries(ANONYMOUS.blank.map((column) => [column, null])), attributes: {} };
    const view = presentContact({ ...nobody, anonymized_at: contact.anonymized_at ?? new Date(), whatsapp_id: `anon:${id}` }, []);
    if (!contact.deleted_at) tx.tell(how === 'erase' ? 'contact.deleted' : 'contact.updated', { organization_id, contact: view });
    const digits = [contact.whatsapp_id, contact.alternative_phone, contact.wa_id, contact.match_key].flatMap(
      (phone) => phone?.replace(/\D/g, '') ?? [],
    );
    return [...new Set([id, ...digits, contact.whatsapp_user_id ?? '', ...identities.map(({ value }) => value)])].filter(
      (name) => name.length >= 8,
    );
  }
}
