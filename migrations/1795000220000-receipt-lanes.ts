import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What waits is filed in two lanes by the person it is about; of what was kept before nobody knows whom it is about. */
export class ReceiptLanes1795000220000 implements MigrationInterface {
  readonly name = 'ReceiptLanes1795000220000';
  /** CONCURRENTLY knows none: webhooks are taken meanwhile. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('SET statement_timeout = 0');
    await runner.query('ALTER TABLE inbound_events ADD COLUMN IF NOT EXISTS lane smallint NOT NULL DEFAULT 2');
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS inbound_events_lanes_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY inbound_events_lanes_idx ON inbound_events (organization_id, lane, id) WHERE state = 'received'`,
    );
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS inbound_events_waiting_idx');
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX inbound_events_waiting_idx ON inbound_events (organization_id, id) WHERE state = 'received'`);
    await runner.query('DROP INDEX inbound_events_lanes_idx');
    await runner.query('ALTER TABLE inbound_events DROP COLUMN lane');
  }
}
