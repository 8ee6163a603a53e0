import { Column, CreateDateColumn, Entity, Index, PrimaryColumn } from 'typeorm';
import { Reference } from '#database/references';
import { declareUntold } from '#database/untold';
import { ApiKey } from './api-key.entity';

/** One value of a key; two for a while when it is rotated. Never an answer, so not an object type. */
@Entity('api_key_secrets')
@Reference(() => ApiKey, 'api_key_id', 'CASCADE')
@Index('api_key_secrets_key_idx', ['organization_id', 'api_key_id'])
export class ApiKeySecret {
  /** SHA-256 of the value, which is random enough: hex. */
  @PrimaryColumn('char', { length: 64 })
  key_hash: string;

  @Column('uuid')
  organization_id: string;

  @Column('uuid')
  api_key_id: string;

  @CreateDateColumn({ type: 'timestamptz', precision: 3 })
  created_at: Date;

  /** Of a value that was rotated away; null: as long as the key. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  expires_at: Date | null;
}

declareUntold('api_key_secrets', { columns: ['key_hash'] });
