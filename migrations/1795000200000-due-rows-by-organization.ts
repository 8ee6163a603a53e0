import type { MigrationInterface, QueryRunner } from 'typeorm';

const MADE = {
  media_files_due_idx: "media_files (organization_id, due_at) WHERE status = 'pending'",
};

const REPLACED = {
  media_files_waiting_idx: "media_files (due_at) WHERE status = 'pending'",
};

/** What is due is looked for organization by organization. Built while messages go on coming in. */
export class DueRowsByOrganization1795000200000 implements MigrationInterface {
  readonly name = 'DueRowsByOrganization1795000200000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    for (const [name, index] of Object.entries(MADE)) {
      // Half of one that was broken off.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${index}`);
    }
    for (const name of Object.keys(REPLACED)) await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    for (const [name, index] of Object.entries(REPLACED)) await runner.query(`CREATE INDEX ${name} ON ${index}`);
    for (const name of Object.keys(MADE)) await runner.query(`DROP INDEX ${name}`);
  }
}
