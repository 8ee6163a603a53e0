import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES = {
  contacts_name_idx: 'contacts (organization_id, name NULLS FIRST, id) WHERE deleted_at IS NULL',
  conversations_priority_idx: 'conversations (organization_id, queue_priority, id) WHERE queue_priority <> 50',
  messages_kind_idx: "messages (organization_id, message_type, created_at, id) WHERE message_type <> 'text'",
};

/** Contacts from A to Z, conversations by priority and messages of one kind are read in the order of an index. Built while messages go on coming in. */
export class ListsInOrder1795000684000 implements MigrationInterface {
  readonly name = 'ListsInOrder1795000684000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    for (const [name, index] of Object.entries(INDEXES)) {
      // Half of one that was broken off.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${index}`);
    }
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX ${name}`);
  }
}
