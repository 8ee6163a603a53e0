import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { Queue } from './queue.entity';

/** A day of a queue, in the organization's calendar: the most that waited at a look, and how many went elsewhere because it was full. */
@Entity('queue_days')
@Reference(() => Queue, 'queue_id', 'CASCADE')
@Index('queue_days_oldest_idx', ['day'])
export class QueueDay {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  queue_id: string;

  @PrimaryColumn('date')
  day: string;

  @Column('int', { default: 0 })
  queued: number;

  /** max_queue_size as it was; null: none. */
  @Column('int', { nullable: true })
  capacity: number | null;

  @Column('int', { default: 0 })
  overflowed: number;
}

declareRetention('queue_days', { where: "day < current_date - interval '400 days'", oldest: 'day' });
