import type { MigrationInterface, QueryRunner } from 'typeorm';

const ENTITY = `organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now()`;

const INDEXES = [
  'UNIQUE INDEX consents_current_key ON consents (organization_id, subject_type, subject_id, purpose) WHERE is_current',
  'INDEX consents_subject_idx ON consents (organization_id, subject_id, created_at, id)',
  `INDEX consents_expiry_idx ON consents (organization_id, expires_at) WHERE is_current AND status = 'granted' AND expires_at IS NOT NULL`,
  'INDEX consents_status_idx ON consents (organization_id, status) WHERE is_current',
  'INDEX data_requests_newest_idx ON data_requests (organization_id, created_at, id)',
  'INDEX data_requests_subject_idx ON data_requests (organization_id, subject_id, created_at, id)',
  'INDEX data_requests_due_idx ON data_requests (organization_id, due_at) WHERE due_at IS NOT NULL',
  'INDEX media_files_age_idx ON media_files (organization_id, created_at) WHERE storage_key IS NOT NULL',
];

/** Consents, requests about personal data, phones that marketing does not come back to, and people who are nobody any more. */
export class Privacy1795000390000 implements MigrationInterface {
  readonly name = 'Privacy1795000390000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE consents (
      ${ENTITY},
      subject_type varchar(10) NOT NULL,
      subject_id uuid NOT NULL,
      given_by uuid NOT NULL,
      purpose varchar(20) NOT NULL,
      granted boolean NOT NULL,
      status varchar(10) NOT NULL,
      is_current boolean NOT NULL DEFAULT true,
      legal_basis varchar(30) NOT NULL DEFAULT 'consent',
      channel varchar(10) NOT NULL DEFAULT 'api',
      version varchar(50),
      evidence varchar(2000),
      granted_at timestamptz(3),
      revoked_at timestamptz(3),
      revocation_reason varchar(500),
      expires_at timestamptz(3),
      ip_address varchar(64),
      user_agent varchar(512),
      recorded_by uuid,
      proof char(64) NOT NULL,
      PRIMARY KEY (organization_id, id)
    )`);
    await runner.query(`CREATE TABLE data_requests (
      ${ENTITY},
      type varchar(15) NOT NULL,
      subject_type varchar(10) NOT NULL,
      subject_id uuid NOT NULL,
      status varchar(10) NOT NULL DEFAULT 'processing',
      requested_by uuid,
      reason varchar(500),
      summary jsonb NOT NULL DEFAULT '{}',
      deadline timestamptz(3) NOT NULL,
      completed_at timestamptz(3),
      error varchar(500),
      format varchar(4),
      include text[] NOT NULL DEFAULT '{}',
      expires_at timestamptz(3),
      size_bytes bigint,
      due_at timestamptz(3),
      attempts int NOT NULL DEFAULT 0,
      names_encrypted text,
      file_key_encrypted text,
      PRIMARY KEY (organization_id, id)
    )`);
    await runner.query(`CREATE TABLE suppressed_phones (
      organization_id uuid NOT NULL,
      phone_hmac char(64) NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      PRIMARY KEY (organization_id, phone_hmac)
    )`);
    for (const index of INDEXES) await runner.query(`CREATE ${index}`);
    // `anon:` and a UUID.
    await runner.query('ALTER TABLE contacts ALTER COLUMN whatsapp_id TYPE varchar(41), ADD COLUMN anonymized_at timestamptz(3)');
    await runner.query('ALTER TABLE users ADD COLUMN anonymized_at timestamptz(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX media_files_age_idx');
    await runner.query('ALTER TABLE users DROP COLUMN anonymized_at');
    await runner.query(
      'ALTER TABLE contacts DROP COLUMN anonymized_at, ALTER COLUMN whatsapp_id TYPE varchar(20) USING left(whatsapp_id, 20)',
    );
    for (const table of ['suppressed_phones', 'data_requests', 'consents']) await runner.query(`DROP TABLE ${table}`);
  }
}
