import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareRetention } from '#database/retention';

/** How many people a business portfolio wrote to first within a quarter of an hour: so many rows make a day, whatever its size. */
@Entity('portfolio_slots')
@Index('portfolio_slots_began_idx', ['began_at'])
export class PortfolioSlot {
  @PrimaryColumn('uuid')
  organization_id: string;

  /** As of `PortfolioRecipient`. */
  @PrimaryColumn('varchar', { length: 64 })
  portfolio: string;

  @PrimaryColumn({ type: 'timestamptz', precision: 3 })
  began_at: Date;

  @Column('int', { default: 0 })
  recipients: number;

  /** Whether somebody had to wait, and was told of. */
  @Column('boolean', { default: false })
  is_full: boolean;
}

declareRetention('portfolio_slots', { where: "began_at < now() - interval '2 days'", oldest: 'began_at' });
