import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareErasure } from '#database/erasure';
import { declareRetention } from '#database/retention';

/** Wrong passwords in a row, by e-mail, whether it is somebody's or not: so a lock says nothing about who has an account. */
@Entity('login_failures')
@Index('login_failures_age_idx', ['last_at'])
export class LoginFailure {
  /** HMAC-SHA-256 of the e-mail, hex. */
  @PrimaryColumn('char', { length: 64 })
  email_hash: string;

  /** By the rules of everybody: what is answered. */
  @Column('int')
  failures: number;

  @Column({ type: 'timestamptz', precision: 3, default: () => 'now()' })
  last_at: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  locked_until: Date | null;

  /** By the rules of the account's organization: what counts. */
  @Column('int', { default: 0 })
  own_failures: number;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  own_locked_until: Date | null;
}

// No lock is longer than a day.
declareRetention('login_failures', { where: "last_at < now() - interval '2 days'", oldest: 'last_at' });

declareErasure('login_failures', { keep: 'keyed hashes of e-mails, whether somebody has them or nobody; gone after two days' });
