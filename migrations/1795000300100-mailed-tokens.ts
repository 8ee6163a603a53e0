import type { MigrationInterface, QueryRunner } from 'typeorm';

/** One-use tokens that are mailed: invitations, lost passwords, e-mails to be confirmed. */
export class MailedTokens1795000300100 implements MigrationInterface {
  readonly name = 'MailedTokens1795000300100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE mailed_tokens (
      organization_id uuid NOT NULL,
      user_id uuid NOT NULL,
      purpose varchar(20) NOT NULL,
      token_hash char(64) NOT NULL,
      email varchar(255) NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      expires_at timestamptz(3) NOT NULL,
      PRIMARY KEY (organization_id, user_id, purpose),
      CONSTRAINT mailed_tokens_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE UNIQUE INDEX mailed_tokens_hash_key ON mailed_tokens (token_hash)');
    await runner.query('CREATE INDEX mailed_tokens_expiry_idx ON mailed_tokens (expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE mailed_tokens');
  }
}
