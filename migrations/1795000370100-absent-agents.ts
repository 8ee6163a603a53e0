import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which agents' absence was told, and whose conversations live, found by agent. Built while messages go on coming in. */
export class AbsentAgents1795000370100 implements MigrationInterface {
  readonly name = 'AbsentAgents1795000370100';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    await runner.query(`CREATE TABLE IF NOT EXISTS absent_agents (
      organization_id uuid NOT NULL,
      user_id uuid NOT NULL,
      since timestamptz(3) NOT NULL,
      CONSTRAINT absent_agents_pkey PRIMARY KEY (organization_id, user_id),
      CONSTRAINT absent_agents_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
    )`);
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS conversations_live_of_agent_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY conversations_live_of_agent_idx ON conversations (organization_id, current_agent_id)
        WHERE current_agent_id IS NOT NULL AND status IN ('open', 'pending')`,
    );
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX conversations_live_of_agent_idx');
    await runner.query('DROP TABLE absent_agents');
  }
}
