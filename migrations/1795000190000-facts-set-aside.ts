import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which facts readers gave up, the oldest first: they are counted, and forgotten after a time. */
export class FactsSetAside1795000190000 implements MigrationInterface {
  readonly name = 'FactsSetAside1795000190000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE INDEX facts_set_aside_idx ON facts (due_at) WHERE reader LIKE 'dead:%'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX facts_set_aside_idx');
  }
}
