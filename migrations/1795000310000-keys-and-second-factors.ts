import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
  `CREATE TABLE api_keys (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3),
    name varchar(255) NOT NULL,
    role varchar(20) NOT NULL,
    scopes text[],
    prefix varchar(20) NOT NULL,
    expires_at timestamptz(3),
    last_used_at timestamptz(3),
    last_used_ip varchar(64),
    rotated_at timestamptz(3),
    previous_until timestamptz(3),
    created_by uuid NOT NULL,
    CONSTRAINT api_keys_pkey PRIMARY KEY (organization_id, id)
  )`,
  `CREATE INDEX api_keys_list_idx ON api_keys (organization_id, created_at, id) WHERE deleted_at IS NULL`,
  `CREATE TABLE api_key_secrets (
    key_hash char(64) NOT NULL,
    organization_id uuid NOT NULL,
    api_key_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3),
    CONSTRAINT api_key_secrets_pkey PRIMARY KEY (key_hash),
    CONSTRAINT api_key_secrets_api_key_id_fkey FOREIGN KEY (organization_id, api_key_id) REFERENCES api_keys (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE INDEX api_key_secrets_key_idx ON api_key_secrets (organization_id, api_key_id)`,
  `CREATE TABLE two_factors (
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    secret text NOT NULL,
    enabled_at timestamptz(3),
    last_step integer NOT NULL DEFAULT 0,
    recovery_hashes text[] NOT NULL DEFAULT '{}',
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT two_factors_pkey PRIMARY KEY (organization_id, user_id),
    CONSTRAINT two_factors_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
  )`,
  `ALTER TABLE sessions ADD COLUMN last_used_at timestamptz(3), ADD COLUMN last_used_ip varchar(64)`,
];

/** API keys, the second factor of a login, and when a session was last used. */
export class KeysAndSecondFactors1795000310000 implements MigrationInterface {
  readonly name = 'KeysAndSecondFactors1795000310000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE sessions DROP COLUMN last_used_at, DROP COLUMN last_used_ip');
    await runner.query('DROP TABLE two_factors, api_key_secrets, api_keys');
  }
}
