import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How long customers wait for a person's answer, counted as messages come and go. What was said before stays uncounted. */
export class ResponseTimes1795000630000 implements MigrationInterface {
  readonly name = 'ResponseTimes1795000630000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE conversations ADD asked_at timestamptz(3), ADD answers int NOT NULL DEFAULT 0, ADD waited_seconds double precision NOT NULL DEFAULT 0',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE conversations DROP asked_at, DROP answers, DROP waited_seconds');
  }
}
