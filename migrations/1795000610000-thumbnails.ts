import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An image has a thumbnail beside it; those that were here before have none. */
export class Thumbnails1795000610000 implements MigrationInterface {
  readonly name = 'Thumbnails1795000610000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE media_files ADD thumbnail_bytes integer');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE media_files DROP COLUMN thumbnail_bytes');
  }
}
