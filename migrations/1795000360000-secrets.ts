import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API keys and passwords of an organization, sealed. */
export class Secrets1795000360000 implements MigrationInterface {
  readonly name = 'Secrets1795000360000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE secrets (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      created_by uuid,
      key varchar(255) NOT NULL,
      display_name varchar(255) NOT NULL,
      description varchar(2000),
      environment varchar(20) NOT NULL DEFAULT 'production',
      service varchar(100),
      scope varchar(20) NOT NULL DEFAULT 'organization',
      chatbot_id uuid,
      is_active boolean NOT NULL DEFAULT true,
      version int NOT NULL DEFAULT 1,
      value_preview varchar(4),
      encryption_provider varchar(20) NOT NULL DEFAULT 'local',
      metadata jsonb NOT NULL DEFAULT '{}',
      last_rotated_at timestamptz(3),
      PRIMARY KEY (organization_id, id)
    )`);
    // 15 or newer: two secrets without a chatbot are the same place.
    await runner.query(
      'CREATE UNIQUE INDEX secrets_key_key ON secrets (organization_id, environment, lower(key), chatbot_id) NULLS NOT DISTINCT',
    );
    await runner.query('CREATE INDEX secrets_newest_idx ON secrets (organization_id, created_at, id)');
    await runner.query(`CREATE TABLE secret_versions (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      secret_id uuid NOT NULL,
      version int NOT NULL,
      value_encrypted text,
      key_id varchar(64) NOT NULL,
      created_by uuid,
      rotated_at timestamptz(3),
      PRIMARY KEY (organization_id, id),
      CONSTRAINT secret_versions_secret_id_fkey FOREIGN KEY (organization_id, secret_id) REFERENCES secrets (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE UNIQUE INDEX secret_versions_version_key ON secret_versions (organization_id, secret_id, version)');
    await runner.query('CREATE INDEX secret_versions_rotated_idx ON secret_versions (rotated_at) WHERE rotated_at IS NOT NULL');
    await runner.query(`CREATE TABLE secret_usage (
      organization_id uuid NOT NULL,
      secret_id uuid NOT NULL,
      successful_requests bigint NOT NULL DEFAULT 0,
      failed_requests bigint NOT NULL DEFAULT 0,
      last_used_at timestamptz(3) NOT NULL,
      PRIMARY KEY (organization_id, secret_id),
      CONSTRAINT secret_usage_secret_id_fkey FOREIGN KEY (organization_id, secret_id) REFERENCES secrets (organization_id, id) ON DELETE CASCADE
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE secret_usage');
    await runner.query('DROP TABLE secret_versions');
    await runner.query('DROP TABLE secrets');
  }
}
