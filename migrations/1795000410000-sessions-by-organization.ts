import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The sessions of an organization that is deleted or erased, found without reading those of all others. Built while people go on signing in. */
export class SessionsByOrganization1795000410000 implements MigrationInterface {
  readonly name = 'SessionsByOrganization1795000410000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    // Half of one that was broken off.
    await runner.query('DROP INDEX IF EXISTS sessions_organization_idx');
    await runner.query('CREATE INDEX CONCURRENTLY sessions_organization_idx ON sessions (organization_id)');
    await runner.query('RESET statement_timeout');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX sessions_organization_idx');
  }
}
