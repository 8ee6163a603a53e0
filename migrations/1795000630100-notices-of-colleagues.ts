import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whose act a notice tells of by name: it goes with them. */
export class NoticesOfColleagues1795000630100 implements MigrationInterface {
  readonly name = 'NoticesOfColleagues1795000630100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE notifications ADD by_user_id uuid');
    await runner.query(
      `ALTER TABLE notifications ADD CONSTRAINT notifications_by_user_id_fkey
        FOREIGN KEY (organization_id, by_user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE`,
    );
    await runner.query(
      'CREATE INDEX notifications_by_user_idx ON notifications (organization_id, by_user_id) WHERE by_user_id IS NOT NULL',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE notifications DROP by_user_id');
  }
}
