import { Column, Entity, Index } from 'typeorm';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { Contact } from './contact.entity';
import { declareContactRows } from '#database/personal-data';

export enum IdentityKind {
  phone = 'phone',
  bsuid = 'bsuid',
  parent_bsuid = 'parent_bsuid',
  lid = 'lid',
}

/**
 * One of the names WhatsApp gives a person. A person has several over time; old ones stay resolvable for late webhooks.
 * A phone is stored by its match key; phone and lid rows have an empty portfolio, a BSUID counts in one portfolio only.
 */
@Entity('contact_identities')
@Reference(() => Contact, 'contact_id', 'CASCADE')
@Index('contact_identities_key', ['organization_id', 'portfolio_id', 'kind', 'value'], { unique: true })
@Index('contact_identities_contact_idx', ['organization_id', 'contact_id'])
export class ContactIdentity extends TenantEntity {
  /** Meta business portfolio; we know it by its WhatsApp Business Account. Empty for phone and lid. */
  @Column('varchar', { length: 64, default: '' })
  portfolio_id: string;

  @Column('varchar', { length: 20 })
  kind: IdentityKind;

  @Column('varchar', { length: 150 })
  value: string;

  @Column('uuid')
  contact_id: string;

  /** Of a phone: as WhatsApp spells it (digits, no `+`), which is what we send to; null: not told yet. */
  @Column('varchar', { length: 20, nullable: true })
  wa_id: string | null;

  /** Inactive: resolves late webhooks, is not sent to. */
  @Column('boolean', { default: true })
  is_active: boolean;

  /** Of an inactive one. Who writes from a phone after that is whoever has it by now. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  inactive_since: Date | null;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  first_seen_at: Date;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  last_seen_at: Date;
}

declareContactRows('contact_identities', {
  // By mergeContacts.
  merge: null,
  erase: 'delete',
  anonymize: 'delete',
  export: ['kind', 'value', 'wa_id', 'portfolio_id', 'is_active', 'inactive_since', 'first_seen_at', 'last_seen_at'],
});
