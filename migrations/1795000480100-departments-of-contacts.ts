import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Contacts have a department that looks after them. */
export class DepartmentsOfContacts1795000480100 implements MigrationInterface {
  readonly name = 'DepartmentsOfContacts1795000480100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE contacts ADD COLUMN assigned_department_id uuid');
    await runner.query(
      `ALTER TABLE contacts ADD CONSTRAINT contacts_assigned_department_id_fkey FOREIGN KEY (organization_id, assigned_department_id)
         REFERENCES departments (organization_id, id) ON DELETE SET NULL (assigned_department_id)`,
    );
    await runner.query(
      `CREATE INDEX contacts_department_idx ON contacts (organization_id, assigned_department_id, created_at, id)
        WHERE assigned_department_id IS NOT NULL AND deleted_at IS NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX contacts_department_idx');
    await runner.query('ALTER TABLE contacts DROP COLUMN assigned_department_id');
  }
}
