import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who passed a conversation on to whom, and the notes of a thread without its messages. Built while messages go on coming in. */
export class TransfersAndNotes1795000500000 implements MigrationInterface {
  readonly name = 'TransfersAndNotes1795000500000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    await runner.query(`ALTER TABLE conversations ADD COLUMN IF NOT EXISTS transfers jsonb NOT NULL DEFAULT '[]'`);
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS messages_notes_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY messages_notes_idx ON messages (organization_id, conversation_id, created_at, id) WHERE message_type = 'note'`,
    );
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX messages_notes_idx');
    await runner.query('ALTER TABLE conversations DROP COLUMN transfers');
  }
}
