import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { declareErasure } from '#database/erasure';
import { declareRetention } from '#database/retention';
import { declareUntold } from '#database/untold';

/** One refresh token of a session; a used one stays, so that using it again is seen. */
@Entity('refresh_tokens')
@Index('refresh_tokens_session_idx', ['session_id'])
export class RefreshToken {
  /** The token's `jti`. */
  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid')
  session_id: string;

  /** SHA-256 of the token, hex. */
  @Column('char', { length: 64 })
  token_hash: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  @Column({ type: 'timestamptz', precision: 3 })
  expires_at: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  used_at: Date | null;
}

declareRetention('refresh_tokens', { where: "expires_at < now() - interval '7 days'", oldest: 'id' });

declareErasure('refresh_tokens', {
  where: 'session_id IN (SELECT id FROM sessions WHERE organization_id = $1)',
  before: 'sessions',
});

declareUntold('refresh_tokens', { columns: ['token_hash'] });
