import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Locks by e-mail instead of by user: the same for e-mails nobody has. */
export class LoginFailures1795000000001 implements MigrationInterface {
  name = 'LoginFailures1795000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE login_failures (
      email_hash char(64) NOT NULL,
      failures integer NOT NULL,
      last_at timestamptz(3) NOT NULL DEFAULT now(),
      locked_until timestamptz(3),
      CONSTRAINT login_failures_pkey PRIMARY KEY (email_hash)
    )`);
    await runner.query('CREATE INDEX login_failures_age_idx ON login_failures (last_at)');
    await runner.query('ALTER TABLE credentials DROP COLUMN failed_logins, DROP COLUMN locked_until');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE credentials ADD COLUMN failed_logins integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz(3)',
    );
    await runner.query('DROP TABLE login_failures');
  }
}
