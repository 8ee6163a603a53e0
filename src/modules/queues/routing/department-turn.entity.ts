import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { Department } from '#modules/departments/department.entity';
import { User } from '#modules/users/user.entity';

/** When an agent was last given a conversation of a department without a queue: whose turn it is. */
@Entity('department_turns')
@Reference(() => Department, 'department_id', 'CASCADE')
@Reference(() => User, 'user_id', 'CASCADE')
@Index('department_turns_user_idx', ['organization_id', 'user_id'])
export class DepartmentTurn {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  department_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  last_assigned_at: Date;
}

declareUserRows('department_turns', { erase: 'delete', export: [] });
