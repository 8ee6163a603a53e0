import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Contacts are found by their other phone too. Few have one: the index is small. Built while contacts go on being written. */
export class AlternativePhones1795000210000 implements MigrationInterface {
  readonly name = 'AlternativePhones1795000210000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS contacts_alternative_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY contacts_alternative_idx ON contacts USING gin (organization_id, alternative_phone gin_trgm_ops)
       WHERE alternative_phone IS NOT NULL AND deleted_at IS NULL`,
    );
    await runner.query('RESET statement_timeout');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX contacts_alternative_idx');
  }
}
