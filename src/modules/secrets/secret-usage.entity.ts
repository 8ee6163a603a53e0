import { Column, Entity, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { Secret } from './secret.entity';

/** How often a secret was used, beside its row: who counts waits for nobody who rotates. */
@Entity('secret_usage')
@Reference(() => Secret, 'secret_id', 'CASCADE')
export class SecretUsage {
  @PrimaryColumn('uuid')
  organization_id: string;

  @PrimaryColumn('uuid')
  secret_id: string;

  @Column('bigint', { default: 0 })
  successful_requests: string;

  @Column('bigint', { default: 0 })
  failed_requests: string;

  @Column({ type: 'timestamptz', precision: 3 })
  last_used_at: Date;
}
