import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A sync of templates is a lease in the row: an advisory lock held a connection of the pool while Meta was asked. */
export class TemplateSyncLease1795000000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE whatsapp_numbers ADD COLUMN templates_sync_until timestamptz(3)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE whatsapp_numbers DROP COLUMN templates_sync_until');
  }
}
