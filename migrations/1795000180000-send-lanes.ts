import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Of the messages that wait for a number the ones people wrote leave first; and how fast Meta takes the number's. By its time alone nothing is looked
 * for any more: that index would only tempt PostgreSQL to read all lanes.
 */
export class SendLanes1795000180000 implements MigrationInterface {
  readonly name = 'SendLanes1795000180000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE whatsapp_numbers ADD throughput varchar(20)');
    await runner.query('ALTER TABLE outbound_sends ADD lane smallint NOT NULL DEFAULT 0');
    await runner.query('CREATE INDEX outbound_sends_line_idx ON outbound_sends (organization_id, whatsapp_number_id, lane, due_at)');
    await runner.query('DROP INDEX outbound_sends_due_idx');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX outbound_sends_due_idx ON outbound_sends (due_at)');
    await runner.query('DROP INDEX outbound_sends_line_idx');
    await runner.query('ALTER TABLE outbound_sends DROP COLUMN lane');
    await runner.query('ALTER TABLE whatsapp_numbers DROP COLUMN throughput');
  }
}
