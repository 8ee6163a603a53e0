import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Templates are made, edited and deleted here, and say when Meta decided what; how their messages fared is counted beside them. */
export class TemplateManagement1795000540000 implements MigrationInterface {
  readonly name = 'TemplateManagement1795000540000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE whatsapp_templates
      ADD COLUMN is_system_template boolean NOT NULL DEFAULT false,
      ADD COLUMN submission_error jsonb,
      ADD COLUMN submitted_at timestamptz(3),
      ADD COLUMN approved_at timestamptz(3),
      ADD COLUMN rejected_at timestamptz(3),
      ADD COLUMN paused_at timestamptz(3),
      ADD COLUMN disabled_at timestamptz(3),
      ADD COLUMN approved_edits jsonb NOT NULL DEFAULT '[]',
      ADD COLUMN busy_until timestamptz(3)`);
    await runner.query(`CREATE TABLE template_counts (
      template_id uuid NOT NULL,
      organization_id uuid NOT NULL,
      sent_count integer NOT NULL DEFAULT 0,
      delivered_count integer NOT NULL DEFAULT 0,
      read_count integer NOT NULL DEFAULT 0,
      failed_count integer NOT NULL DEFAULT 0,
      CONSTRAINT template_counts_pkey PRIMARY KEY (organization_id, template_id),
      CONSTRAINT template_counts_template_id_fkey FOREIGN KEY (organization_id, template_id)
        REFERENCES whatsapp_templates (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query(`INSERT INTO template_counts (template_id, organization_id, sent_count, delivered_count, read_count, failed_count)
      SELECT template_id, organization_id, count(sent_at), count(delivered_at), count(read_at), count(*) FILTER (WHERE status = 'failed')
        FROM messages WHERE template_id IS NOT NULL GROUP BY organization_id, template_id`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE template_counts');
    await runner.query(`ALTER TABLE whatsapp_templates
      DROP COLUMN is_system_template, DROP COLUMN submission_error, DROP COLUMN submitted_at, DROP COLUMN approved_at, DROP COLUMN rejected_at,
      DROP COLUMN paused_at, DROP COLUMN disabled_at, DROP COLUMN approved_edits, DROP COLUMN busy_until`);
  }
}
