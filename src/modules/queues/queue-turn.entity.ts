import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { User } from '#modules/users/user.entity';
import { Queue } from './queue.entity';

/** When an agent was last given a conversation of a queue: whose turn it is. */
@Entity('queue_turns')
@Reference(() => Queue, 'queue_id', 'CASCADE')
@Reference(() => User, 'user_id', 'CASCADE')
@Index('queue_turns_user_idx', ['organization_id', 'user_id'])
export class QueueTurn {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  queue_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  last_assigned_at: Date;
}

declareUserRows('queue_turns', { erase: 'delete', export: [] });
