import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareContactRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';

/** Somebody a business portfolio wrote to first: for a day they cost its messaging limit nothing more. */
@Entity('portfolio_recipients')
@Reference('Contact', 'contact_id', 'CASCADE')
@Index('portfolio_recipients_contact_idx', ['organization_id', 'contact_id'])
@Index('portfolio_recipients_counted_idx', ['counted_at'])
export class PortfolioRecipient {
  @PrimaryColumn('uuid')
  organization_id: string;

  /** The WhatsApp Business Account, whose numbers share the limit; of a number without one the number's id. */
  @PrimaryColumn('varchar', { length: 64 })
  portfolio: string;

  @PrimaryColumn('uuid')
  contact_id: string;

  @Column({ type: 'timestamptz', precision: 3 })
  counted_at: Date;
}

declareRetention('portfolio_recipients', { where: "counted_at < now() - interval '1 day'", oldest: 'counted_at' });
declareContactRows('portfolio_recipients', {
  // Meta counted both.
  merge: (tx, { actor, gone }) =>
    tx
      .rows('DELETE FROM portfolio_recipients WHERE organization_id = $1 AND contact_id = $2', [actor.organization_id, gone])
      .then(() => undefined),
  erase: 'delete',
  anonymize: 'delete',
  export: [],
});
