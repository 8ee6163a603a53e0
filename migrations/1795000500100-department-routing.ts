import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Conversations that wait in a department without a queue, found in their order, and whose turn it is there. Built while messages go on coming in. */
export class DepartmentRouting1795000500100 implements MigrationInterface {
  readonly name = 'DepartmentRouting1795000500100';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    await runner.query(`CREATE TABLE IF NOT EXISTS department_turns (
      organization_id uuid NOT NULL,
      department_id uuid NOT NULL,
      user_id uuid NOT NULL,
      last_assigned_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT department_turns_pkey PRIMARY KEY (organization_id, department_id, user_id),
      CONSTRAINT department_turns_department_id_fkey FOREIGN KEY (organization_id, department_id) REFERENCES departments (organization_id, id) ON DELETE CASCADE,
      CONSTRAINT department_turns_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE INDEX IF NOT EXISTS department_turns_user_idx ON department_turns (organization_id, user_id)');
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS conversations_in_department_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY conversations_in_department_idx ON conversations (organization_id, department_id, queue_priority DESC, queued_at, id)
        WHERE queue_id IS NULL AND department_id IS NOT NULL AND queued_at IS NOT NULL AND current_agent_id IS NULL AND status IN ('open', 'pending')`,
    );
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX conversations_in_department_idx');
    await runner.query('DROP TABLE department_turns');
  }
}
