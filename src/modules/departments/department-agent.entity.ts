import { CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { User } from '#modules/users/user.entity';
import { Department } from './department.entity';

/** Who answers for a department: `departments.agent_ids` and `users.department_ids` are two views of it. */
@Entity('department_agents')
@Reference(() => Department, 'department_id', 'CASCADE')
@Reference(() => User, 'user_id', 'CASCADE')
@Index('department_agents_user_idx', ['organization_id', 'user_id'])
export class DepartmentAgent {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  department_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

declareUserRows('department_agents', { erase: 'delete', export: ['department_id', 'created_at'] });
