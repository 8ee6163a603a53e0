import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A login's lock by its organization's rules, beside the one that everybody sees. Locks of before hold on. */
export class OwnLoginLocks1795000010000 implements MigrationInterface {
  readonly name = 'OwnLoginLocks1795000010000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE login_failures ADD COLUMN own_failures integer NOT NULL DEFAULT 0, ADD COLUMN own_locked_until timestamptz(3)',
    );
    await runner.query('UPDATE login_failures SET own_failures = failures, own_locked_until = locked_until');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE login_failures DROP COLUMN own_failures, DROP COLUMN own_locked_until');
  }
}
