import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Words of messages are found by an index; notes and what was deleted are not in it. */
export class MessageSearch1795000080100 implements MigrationInterface {
  readonly name = 'MessageSearch1795000080100';

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET LOCAL statement_timeout = 0');
    await runner.query(`CREATE INDEX messages_search_idx ON messages
      USING gin (organization_id, to_tsvector('portuguese', fold(content))) WHERE NOT is_deleted AND message_type <> 'note'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX messages_search_idx');
  }
}
