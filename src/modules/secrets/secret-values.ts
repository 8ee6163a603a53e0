import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { SecretVersion, placeOfValue } from './secret-version.entity';
import type { Secret } from './secret.entity';

type Whose = Pick<Secret, 'organization_id' | 'id'>;

/** A value as it is kept. */
export interface Sealed {
  version: number;
  value_encrypted: string;
}

const CURRENT = prepared(
  'SELECT version, value_encrypted FROM secret_versions WHERE organization_id = $1 AND secret_id = $2 AND rotated_at IS NULL',
);

/** Behind the one in use: whoever rotates in a loop fills no disk. */
const KEPT_VERSIONS = 50;

/** The values of secrets, version by version, sealed. */
@Injectable()
export class SecretValues {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
  ) {}

  /** Of the key that seals. */
  get key_id(): string {
    return this.encryption.key_id;
  }

  /** @throws {Unopened} */
  open(secret: Whose, { version, value_encrypted }: Sealed): string {
    return this.encryption.decrypt(value_encrypted, placeOfValue(secret, version));
  }

  /** The one in use, whichever that is by the time it is read. @throws {Unopened} @throws {NotFound} The secret is gone. */
  async current(sql: Sql, secret: Whose): Promise<{ version: number; value: string }> {
    const [sealed] = await sql.rows<Sealed | undefined>(CURRENT, [secret.organization_id, secret.id]);
    if (!sealed) throw new NotFound('Secret');
    return { version: sealed.version, value: this.open(secret, sealed) };
  }

  /** The value of `secret.version`. */
  async add(tx: Tx, actor: Actor, secret: Secret, value: string): Promise<void> {
    await this.database.repository(SecretVersion, tx).insert(actor, {
      secret_id: secret.id,
      version: secret.version,
      value_encrypted: this.encryption.encrypt(value, placeOfValue(secret, secret.version)),
      key_id: this.encryption.key_id,
      created_by: actor.user_id,
      // The transaction may have begun before that of the version before it.
      created_at: new Date(),
    });
  }

  /** The value of `secret.version` in place of the one before it, whose text is kept for a while where it was another one. */
  async next(tx: Tx, actor: Actor, secret: Secret, value: string, keep: boolean): Promise<void> {
    await tx.rows(
      `UPDATE secret_versions SET rotated_at = clock_timestamp(), updated_at = clock_timestamp(), value_encrypted = CASE WHEN $3 THEN value_encrypted END
        WHERE organization_id = $1 AND secret_id = $2 AND rotated_at IS NULL`,
      [secret.organization_id, secret.id, keep],
    );
    await tx.rows('DELETE FROM secret_versions WHERE organization_id = $1 AND secret_id = $2 AND version < $3', [
      secret.organization_id,
      secret.id,
      secret.version - KEPT_VERSIONS,
    ]);
    await this.add(tx, actor, secret, value);
  }
}
