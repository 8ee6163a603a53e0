import { Column, Entity, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { User } from '#modules/users/user.entity';

/** An agent whose absence administrators were told of; the next absence begins later. */
@Entity('absent_agents')
@Reference(() => User, 'user_id', 'CASCADE')
export class AbsentAgent {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  /** When they were last seen then. */
  @Column({ type: 'timestamptz', precision: 3 })
  since: Date;
}

declareUserRows('absent_agents', { erase: 'delete', export: [] });
