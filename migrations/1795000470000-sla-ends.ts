import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When the SLA of a wait is over, for whoever shows its clock. Those that wait are looked at soon, and have it then. */
export class SlaEnds1795000470000 implements MigrationInterface {
  readonly name = 'SlaEnds1795000470000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE conversations ADD COLUMN sla_ends_at timestamptz(3)');
    await runner.query('UPDATE conversations SET sla_due_at = now() WHERE sla_due_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE conversations DROP COLUMN sla_ends_at');
  }
}
