import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an agent wrote is counted by an index; no other message has an entry in it. Built while messages go on coming in. */
export class MessagesOfAgents1795000330100 implements MigrationInterface {
  readonly name = 'MessagesOfAgents1795000330100';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS messages_of_agent_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY messages_of_agent_idx ON messages (organization_id, sender_user_id, created_at) WHERE sender_user_id IS NOT NULL`,
    );
    await runner.query('RESET statement_timeout');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX messages_of_agent_idx');
  }
}
