import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Words of messages are found by an index; notes and what was deleted are not in it. Built while messages go on coming in. */
export class MessageSearch1795000080100 implements MigrationInterface {
  readonly name = 'MessageSearch1795000080100';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // Half of one that was broken off.
    await runner.query('DROP INDEX IF EXISTS messages_search_idx');
    await runner.query(`CREATE INDEX CONCURRENTLY messages_search_idx ON messages
      USING gin (organization_id, to_tsvector('portuguese', fold(content))) WHERE NOT is_deleted AND message_type <> 'note'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX CONCURRENTLY messages_search_idx');
  }
}
