import { Column, Entity, Index } from 'typeorm';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { Message } from './message.entity';

/** One line of a message's status history, as the provider or we said it. */
@Entity('message_status_events')
@Reference(() => Message, 'message_id', 'CASCADE')
@Index('message_status_events_key', ['organization_id', 'message_id', 'status', 'timestamp'], { unique: true })
export class MessageStatusEvent extends TenantEntity {
  @Column('uuid')
  message_id: string;

  @Column('varchar', { length: 20 })
  status: string;

  /** Provider's time. */
  @Column({ type: 'timestamptz', precision: 3 })
  timestamp: Date;

  /** api: the answer to our call; webhook: told later. */
  @Column('varchar', { length: 10 })
  source: 'api' | 'webhook';

  @Column('varchar', { length: 64, nullable: true })
  error_code: string | null;
}
