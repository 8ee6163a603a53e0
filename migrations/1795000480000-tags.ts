import type { MigrationInterface, QueryRunner } from 'typeorm';

const UP = [
  `CREATE TABLE tags (
    id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    name varchar(50) NOT NULL,
    name_key varchar(150) NOT NULL,
    slug varchar(100) NOT NULL,
    description varchar(500),
    color varchar(7) NOT NULL DEFAULT '#3B82F6',
    is_system boolean NOT NULL DEFAULT false,
    CONSTRAINT tags_pkey PRIMARY KEY (organization_id, id)
  )`,
  `CREATE UNIQUE INDEX tags_name_key ON tags (organization_id, name_key)`,
  `CREATE TABLE contact_tags (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT contact_tags_pkey PRIMARY KEY (organization_id, contact_id, tag_id),
    CONSTRAINT contact_tags_contact_id_fkey FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT contact_tags_tag_id_fkey FOREIGN KEY (organization_id, tag_id) REFERENCES tags (organization_id, id) ON DELETE CASCADE
  )`,
  `CREATE INDEX contact_tags_tag_idx ON contact_tags (organization_id, tag_id, contact_id)`,
];

/** Labels of contacts. */
export class Tags1795000480000 implements MigrationInterface {
  readonly name = 'Tags1795000480000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of UP) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE contact_tags, tags');
  }
}
