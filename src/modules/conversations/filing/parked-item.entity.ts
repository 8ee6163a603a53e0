import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '#common/json.scalar';
import { Reference } from '#database/references';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';
import { declareTraces } from '#database/personal-data';
import { declareRetention } from '#database/retention';

/**
 * One item of a webhook that could not be applied yet: an orphan waits for the message it speaks of (7 days), poison waits for a person.
 * Its neighbours went on.
 */
@Entity('parked_items')
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'CASCADE')
@Index('parked_items_orphans_idx', ['organization_id', 'whatsapp_number_id', 'waits_for'], { where: "kind = 'orphan'" })
@Index('parked_items_expiry_idx', ['created_at'])
export class ParkedItem {
  @PrimaryColumn('uuid')
  id: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  @Column('uuid', { nullable: true })
  whatsapp_number_id: string | null;

  @Column('uuid')
  inbound_event_id: string;

  @Column('varchar', { length: 10 })
  kind: 'orphan' | 'poison';

  /** The provider's message id an orphan waits for. */
  @Column('varchar', { length: 512, nullable: true })
  waits_for: string | null;

  /** The parsed item (orphan) or the raw one (poison). */
  @Column('jsonb')
  item: JsonObject;

  @Column('varchar', { length: 500, nullable: true })
  error: string | null;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

declareRetention(
  'parked_items',
  { where: "kind = 'orphan' AND created_at < now() - interval '7 days'", oldest: 'created_at' },
  { where: "kind = 'poison' AND created_at < now() - interval '90 days'", oldest: 'created_at' },
);

declareTraces('parked_items', { text: 'item::text', walk: 'id' });
