import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '#common/json.scalar';
import { declareTraces } from '#database/personal-data';
import { declareRetention } from '#database/retention';
import { declareUntold } from '#database/untold';

/** The first answer to a request that carried an Idempotency-Key; kept 24 hours. */
@Entity('idempotency_keys')
@Index('idempotency_keys_age_idx', ['created_at'])
export class IdempotencyKey {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('varchar', { length: 128 })
  key: string;

  /** SHA-256 of route and body, hex. */
  @Column('char', { length: 64 })
  fingerprint: string;

  /** Null while the first request is still at work. */
  @Column('int', { nullable: true })
  status_code: number | null;

  @Column('jsonb', { nullable: true })
  answer: JsonObject | null;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;
}

// Contract 20, 4.3: at least 24 hours.
declareRetention('idempotency_keys', { where: "created_at < now() - interval '25 hours'", oldest: 'created_at' });

declareTraces('idempotency_keys', { text: 'answer::text', walk: 'key' });

// An answer may be the one that shows a key.
declareUntold('idempotency_keys', { columns: ['answer'] });
