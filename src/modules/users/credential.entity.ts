import { Column, Entity, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { User } from './user.entity';
import { declareUserRows } from '#database/personal-data';
import { declareUntold } from '#database/untold';

/** How a user proves who they are. Never an answer, so not an object type. */
@Entity('credentials')
@Reference(() => User, 'user_id', 'CASCADE')
export class Credential {
  @PrimaryColumn('uuid')
  user_id: string;

  @PrimaryColumn('uuid')
  organization_id: string;

  /** argon2id; null until an invited user sets a password. */
  @Column('varchar', { length: 255, nullable: true })
  password_hash: string | null;

  /** Part of every access token; raising it ends them all. */
  @Column('int', { default: 1 })
  token_version: number;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  password_changed_at: Date;
}

declareUserRows('credentials', { erase: 'delete', export: [] });

declareUntold('credentials', { columns: ['password_hash'] });
