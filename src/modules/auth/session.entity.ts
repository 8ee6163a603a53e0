import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { User } from '#modules/users/user.entity';
import { declareRetention } from '#database/retention';
import { declareUserRows } from '#database/personal-data';

/** One login: the family of its refresh tokens (`sid` in both tokens). */
@Entity('sessions')
@Reference(() => User, 'user_id', 'CASCADE')
@Index('sessions_user_idx', ['user_id', 'created_at'])
// Of an organization that is deleted or erased.
@Index('sessions_organization_idx', ['organization_id'])
export class UserSession {
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid')
  organization_id: string;

  @Column('uuid')
  user_id: string;

  @Column('varchar', { length: 512, nullable: true })
  user_agent: string | null;

  @Column('varchar', { length: 64, nullable: true })
  ip_address: string | null;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  /** To the minute; null: not since it was opened. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_used_at: Date | null;

  @Column('varchar', { length: 64, nullable: true })
  last_used_ip: string | null;

  /** No refresh goes beyond this, however often it rotates. */
  @Column({ type: 'timestamptz', precision: 3 })
  expires_at: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  revoked_at: Date | null;

  /** logout, rotated token used again, password change, deactivation ... */
  @Column('varchar', { length: 50, nullable: true })
  revoked_reason: string | null;
}

declareRetention('sessions', { where: "expires_at < now() - interval '30 days'", oldest: 'id' });

declareUserRows('sessions', {
  erase: 'delete',
  export: ['user_agent', 'ip_address', 'created_at', 'last_used_at', 'last_used_ip', 'expires_at', 'revoked_at'],
});
