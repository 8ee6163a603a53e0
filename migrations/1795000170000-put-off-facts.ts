import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which aggregates wait for a fact of theirs to be tried again. */
export class PutOffFacts1795000170000 implements MigrationInterface {
  readonly name = 'PutOffFacts1795000170000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX facts_put_off_idx ON facts (reader, organization_id, aggregate) WHERE due_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX facts_put_off_idx');
  }
}
