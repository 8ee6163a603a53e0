import type { MigrationInterface, QueryRunner } from 'typeorm';

const ENTITY = `organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now()`;

const INDEXES = [
  'INDEX contact_imports_newest_idx ON contact_imports (organization_id, created_at, id)',
  'INDEX contact_imports_due_idx ON contact_imports (organization_id, due_at) WHERE due_at IS NOT NULL',
  'INDEX contact_imports_age_idx ON contact_imports (created_at)',
  'INDEX contact_import_parts_import_idx ON contact_import_parts (organization_id, import_id, id)',
];

/** Files of contacts that are taken in, and their rows that still wait. */
export class ContactImports1795000490000 implements MigrationInterface {
  readonly name = 'ContactImports1795000490000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE contact_imports (
      ${ENTITY},
      status varchar(10) NOT NULL,
      filename varchar(255) NOT NULL,
      dry_run boolean NOT NULL DEFAULT false,
      on_duplicate varchar(10) NOT NULL,
      total_rows integer NOT NULL,
      processed_rows integer NOT NULL DEFAULT 0,
      created_count integer NOT NULL DEFAULT 0,
      updated_count integer NOT NULL DEFAULT 0,
      skipped_count integer NOT NULL DEFAULT 0,
      failed_count integer NOT NULL DEFAULT 0,
      errors jsonb NOT NULL DEFAULT '[]',
      created_by uuid,
      started_at timestamptz(3),
      finished_at timestamptz(3),
      settings jsonb NOT NULL,
      due_at timestamptz(3),
      attempts integer NOT NULL DEFAULT 0,
      PRIMARY KEY (organization_id, id)
    )`);
    await runner.query(`CREATE TABLE contact_import_parts (
      ${ENTITY},
      import_id uuid NOT NULL,
      rows jsonb NOT NULL,
      PRIMARY KEY (organization_id, id),
      CONSTRAINT contact_import_parts_import_id_fkey FOREIGN KEY (organization_id, import_id)
        REFERENCES contact_imports (organization_id, id) ON DELETE CASCADE
    )`);
    for (const index of INDEXES) await runner.query(`CREATE ${index}`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE contact_import_parts');
    await runner.query('DROP TABLE contact_imports');
  }
}
