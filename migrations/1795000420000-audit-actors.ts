import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who did it, a user or an API key, is found by an index; the one of users alone goes. Built while entries go on coming in. */
export class AuditActors1795000420000 implements MigrationInterface {
  readonly name = 'AuditActors1795000420000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    // Half of one that was broken off.
    await runner.query('DROP INDEX IF EXISTS audit_logs_actor_idx');
    await runner.query(`CREATE INDEX CONCURRENTLY audit_logs_actor_idx ON audit_logs (organization_id, actor_id, created_at)`);
    await runner.query('DROP INDEX IF EXISTS audit_logs_user_idx');
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX audit_logs_user_idx ON audit_logs (organization_id, user_id, created_at)`);
    await runner.query('DROP INDEX audit_logs_actor_idx');
  }
}
