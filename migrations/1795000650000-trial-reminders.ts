import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Administrators are told before a trial ends: of which end they were. */
export class TrialReminders1795000650000 implements MigrationInterface {
  readonly name = 'TrialReminders1795000650000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE organizations ADD trial_reminded_for timestamptz(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE organizations DROP trial_reminded_for');
  }
}
