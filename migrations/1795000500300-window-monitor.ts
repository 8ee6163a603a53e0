import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which window of a conversation the team was told of that it ends soon. */
export class WindowMonitor1795000500300 implements MigrationInterface {
  readonly name = 'WindowMonitor1795000500300';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE conversations ADD COLUMN window_told_for timestamptz(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE conversations DROP COLUMN window_told_for');
  }
}
