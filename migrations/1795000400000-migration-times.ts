import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When each migration ran; of those before this one nobody knows. */
export class MigrationTimes1795000400000 implements MigrationInterface {
  readonly name = 'MigrationTimes1795000400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE migrations ADD executed_at timestamptz');
    await runner.query('ALTER TABLE migrations ALTER executed_at SET DEFAULT now()');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE migrations DROP executed_at');
  }
}
