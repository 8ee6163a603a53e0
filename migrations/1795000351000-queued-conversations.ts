import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES = {
  conversations_waiting_idx: `conversations (organization_id, queue_id, queue_priority DESC, queued_at, id)
    WHERE queue_id IS NOT NULL AND queued_at IS NOT NULL AND current_agent_id IS NULL AND status IN ('open', 'pending')`,
  conversations_sla_idx: 'conversations (organization_id, sla_due_at) WHERE sla_due_at IS NOT NULL',
  conversations_of_queue_idx: 'conversations (organization_id, queue_id, queued_at) WHERE queue_id IS NOT NULL',
  conversations_of_department_idx: 'conversations (organization_id, department_id, created_at) WHERE department_id IS NOT NULL',
};

// Nobody has written these columns so far: the check of what is there finds nothing.
const REFERENCES = { queue_id: 'queues', department_id: 'departments' };

/** Conversations that wait, found in their order. Built while messages go on coming in. */
export class QueuedConversations1795000351000 implements MigrationInterface {
  readonly name = 'QueuedConversations1795000351000';
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
    for (const [column, table] of Object.entries(REFERENCES)) {
      const name = `conversations_${column}_fkey`;
      await runner.query(`ALTER TABLE conversations DROP CONSTRAINT IF EXISTS ${name}`);
      await runner.query(
        `ALTER TABLE conversations ADD CONSTRAINT ${name} FOREIGN KEY (organization_id, ${column})
           REFERENCES ${table} (organization_id, id) ON DELETE SET NULL (${column}) NOT VALID`,
      );
      await runner.query(`ALTER TABLE conversations VALIDATE CONSTRAINT ${name}`);
    }
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    for (const column of Object.keys(REFERENCES))
      await runner.query(`ALTER TABLE conversations DROP CONSTRAINT conversations_${column}_fkey`);
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX ${name}`);
  }
}
