import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Kept webhooks wait by organization instead of in shared lanes, and a large one remembers how far it is filed. */
export class FairReceipt1795000040000 implements MigrationInterface {
  readonly name = 'FairReceipt1795000040000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE inbound_events ADD COLUMN items_done integer NOT NULL DEFAULT 0');
    await runner.query('DROP INDEX inbound_events_waiting_idx');
    await runner.query('ALTER TABLE inbound_events DROP COLUMN lane');
    await runner.query(`CREATE INDEX inbound_events_waiting_idx ON inbound_events (organization_id, id) WHERE state = 'received'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX inbound_events_waiting_idx');
    await runner.query('ALTER TABLE inbound_events ADD COLUMN lane smallint NOT NULL DEFAULT 0');
    await runner.query('ALTER TABLE inbound_events ALTER COLUMN lane DROP DEFAULT');
    await runner.query(`CREATE INDEX inbound_events_waiting_idx ON inbound_events (lane, id) WHERE state = 'received'`);
    await runner.query('ALTER TABLE inbound_events DROP COLUMN items_done');
  }
}
