import type { MigrationInterface, QueryRunner } from 'typeorm';

const COLUMNS = {
  rating: 'int',
  rating_comment: 'text',
  rated_at: 'timestamptz(3)',
  csat_due_at: 'timestamptz(3)',
  csat_awaits: 'varchar(10)',
  csat_until: 'timestamptz(3)',
};

const INDEXES = {
  conversations_csat_idx: '(organization_id, csat_due_at) WHERE csat_due_at IS NOT NULL',
  conversations_rated_idx: '(organization_id, rated_at) WHERE rated_at IS NOT NULL',
};

/** What customers say of a conversation, and when they are asked. Built while messages go on coming in. */
export class Csat1795000510000 implements MigrationInterface {
  readonly name = 'Csat1795000510000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, type] of Object.entries(COLUMNS))
      await runner.query(`ALTER TABLE conversations ADD COLUMN IF NOT EXISTS ${name} ${type}`);
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    for (const [name, index] of Object.entries(INDEXES)) {
      // Half of one that was broken off.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON conversations ${index}`);
    }
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(COLUMNS)) await runner.query(`ALTER TABLE conversations DROP COLUMN ${name}`);
  }
}
