import { Column, Entity, Index } from 'typeorm';
import type { Place } from '#common/encryption';
import { Reference } from '#database/references';
import { declareRetention } from '#database/retention';
import { declareSealed } from '#database/sealed-columns';
import { TenantEntity } from '#database/tenant.entity';
import { Secret } from './secret.entity';

/** A value of a secret, sealed. Never an answer, so not an object type: `SecretVersionView` is what is told of it. */
@Entity('secret_versions')
@Reference(() => Secret, 'secret_id', 'CASCADE')
@Index('secret_versions_version_key', ['organization_id', 'secret_id', 'version'], { unique: true })
@Index('secret_versions_rotated_idx', ['rotated_at'], { where: 'rotated_at IS NOT NULL' })
export class SecretVersion extends TenantEntity {
  @Column('uuid')
  secret_id: string;

  @Column('int')
  version: number;

  /** null: the same value went on under another key. */
  @Column('text', { nullable: true })
  value_encrypted: string | null;

  /** Of the key it is sealed with. */
  @Column('varchar', { length: 64 })
  key_id: string;

  @Column('uuid', { nullable: true })
  created_by: string | null;

  /** When another one took its place; null: it is the one in use. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  rotated_at: Date | null;
}

declareRetention('secret_versions', { where: "rotated_at < now() - interval '30 days'", oldest: 'rotated_at' });
declareSealed('secret_versions', { columns: ['value_encrypted'], place: ['organization_id', 'secret_id', 'version'], key_id: 'key_id' });

/** What a value is sealed for. */
export const placeOfValue = ({ organization_id, id }: Pick<Secret, 'organization_id' | 'id'>, version: number): Place => [
  organization_id,
  id,
  version,
];
