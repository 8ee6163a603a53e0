import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareUserRows } from '#database/personal-data';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { declareUntold } from '#database/untold';
import { User } from './user.entity';

/** What a mailed token is good for. */
export type TokenPurpose = 'invitation' | 'password_reset' | 'email_verification';

/** A token that was mailed to somebody and is good once; of each purpose they have one, the newest. */
@Entity('mailed_tokens')
@Reference(() => User, 'user_id', 'CASCADE')
// Who brings it says nothing else.
@Index('mailed_tokens_hash_key', ['token_hash'], { unique: true })
@Index('mailed_tokens_expiry_idx', ['expires_at'])
export class MailedToken {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  user_id: string;

  @PrimaryColumn('varchar', { length: 20 })
  purpose: TokenPurpose;

  /** SHA-256 of the token, hex. */
  @Column('char', { length: 64 })
  token_hash: string;

  /** Where it was mailed to: it proves that address and no later one. */
  @Column('varchar', { length: 255 })
  email: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at: Date;
}

declareRetention('mailed_tokens', { where: 'expires_at < now()', oldest: 'expires_at' });

declareUserRows('mailed_tokens', { erase: 'delete', export: ['purpose', 'email', 'created_at', 'expires_at'] });

declareUntold('mailed_tokens', { columns: ['token_hash'] });
