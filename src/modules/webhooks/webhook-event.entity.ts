import { Column, Entity, Index } from 'typeorm';
import { declareContactRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { TenantEntity } from '#database/tenant.entity';
import { Contact } from '#modules/contacts/contact.entity';

/** What happened, in the words webhooks are told it: written once, sent as it stands to each of them, as often as it takes. */
@Entity('webhook_events')
@Reference(() => Contact, 'contact_id', 'CASCADE')
@Index('webhook_events_oldest_idx', ['created_at'])
@Index('webhook_events_contact_idx', ['organization_id', 'contact_id'], { where: 'contact_id IS NOT NULL' })
export class WebhookEventRow extends TenantEntity {
  /** Whom it speaks of. */
  @Column('uuid', { nullable: true })
  contact_id: string | null;

  /** JSON, as it leaves. */
  @Column('text')
  body: string;
}

// Contract 20, 9. Deliveries go with it.
declareRetention('webhook_events', { where: "created_at < now() - interval '30 days'", oldest: 'created_at' });

declareContactRows('webhook_events', {
  merge: async (tx, { actor, keep, gone }) => {
    await tx.rows('UPDATE webhook_events SET contact_id = $2 WHERE organization_id = $1 AND contact_id = $3', [
      actor.organization_id,
      keep,
      gone,
    ]);
  },
  // With its deliveries: what still waits is not told any more.
  erase: 'delete',
  anonymize: 'delete',
  // Copies of what is exported from where it stands.
  export: [],
});
