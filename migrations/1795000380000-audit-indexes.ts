import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXES = {
  audit_logs_request_idx: '(organization_id, request_id)',
  audit_logs_address_idx: '(organization_id, ip_address, created_at)',
  audit_logs_failure_idx: `(organization_id, created_at) WHERE result = 'failure'`,
};

/** The filters of the audit log that had no index yet. Built while entries go on coming in. */
export class AuditIndexes1795000380000 implements MigrationInterface {
  readonly name = 'AuditIndexes1795000380000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    for (const [name, on] of Object.entries(INDEXES)) {
      // Half of one that was broken off.
      await runner.query(`DROP INDEX IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON audit_logs ${on}`);
    }
    await runner.query('RESET statement_timeout');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of Object.keys(INDEXES)) await runner.query(`DROP INDEX ${name}`);
  }
}
