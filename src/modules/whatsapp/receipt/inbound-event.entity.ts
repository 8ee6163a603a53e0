import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareTraces } from '#database/personal-data';
import { declareRetention } from '#database/retention';

/** received → processed | ignored(reason) | dead(error). */
export type InboundState = 'received' | 'processed' | 'ignored' | 'dead';

/**
 * A provider's webhook as it came, kept before it is acknowledged: one row for each number it speaks of. Met before an organization is
 * known, so it stands before the wall; `organization_id` is null where no number of ours was named.
 */
@Entity('inbound_events')
@Index('inbound_events_lanes_idx', ['organization_id', 'lane', 'id'], { where: "state = 'received'" })
export class InboundEvent {
  /** UUIDv7: the order of receipt. */
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { nullable: true })
  organization_id: string | null;

  @Column('uuid', { nullable: true })
  whatsapp_number_id: string | null;

  @Column('varchar', { length: 10 })
  provider: 'meta' | 'evolution';

  @Column('varchar', { length: 10 })
  state: InboundState;

  /** Of its organization: 0 or 1 by the phone it is about, 2 where it is about several people or one without a phone. */
  @Column('smallint', { default: 2 })
  lane: number;

  /** Why it was ignored, or the error it died of. */
  @Column('varchar', { length: 500, nullable: true })
  reason: string | null;

  /** Meta's raw bytes, as signed; of Evolution's, which are not, the event alone: without files and keys. */
  @Column('bytea')
  body: Buffer;

  /** Items filed so far: a large webhook is filed in parts, each with its own commit. */
  @Column('int', { default: 0 })
  items_done: number;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  received_at: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  processed_at: Date | null;
}

// Contract 20, 7.2: raw webhooks 30 days. The id is a UUIDv7, so it tells the time of receipt and needs no other index.
declareRetention('inbound_events', { where: "state <> 'received' AND id < uuid_at(now() - interval '30 days')", oldest: 'id' });

// A webhook that was worked through is kept to look at: with it goes what it says of others.
declareTraces('inbound_events', { text: "encode(body, 'escape')", where: "state <> 'received'", walk: 'id' });
