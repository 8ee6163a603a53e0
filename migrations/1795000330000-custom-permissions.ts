import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A user may have permissions narrower than those of their role. */
export class CustomPermissions1795000330000 implements MigrationInterface {
  readonly name = 'CustomPermissions1795000330000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users ADD COLUMN custom_permissions text[]');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE users DROP COLUMN custom_permissions');
  }
}
