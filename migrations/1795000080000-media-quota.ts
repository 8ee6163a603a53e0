import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an organization's files take is counted as they come and go; a file a message took is told from one nobody sent. */
export class MediaQuota1795000080000 implements MigrationInterface {
  readonly name = 'MediaQuota1795000080000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE media_usage (
      organization_id uuid NOT NULL,
      size_bytes bigint NOT NULL DEFAULT '0',
      CONSTRAINT media_usage_pkey PRIMARY KEY (organization_id)
    )`);
    await runner.query(`INSERT INTO media_usage (organization_id, size_bytes)
      SELECT organization_id, sum(size_bytes) FROM media_files WHERE status = 'ready' AND size_bytes IS NOT NULL GROUP BY organization_id`);
    await runner.query('ALTER TABLE media_files ADD sent_at timestamptz(3)');
    await runner.query(`UPDATE media_files f SET sent_at = f.updated_at WHERE f.message_id IS NULL AND (f.whatsapp_number_id IS NOT NULL
      OR EXISTS (SELECT 1 FROM messages m WHERE m.organization_id = f.organization_id AND m.direction = 'outgoing' AND m.media ->> 'id' = f.id::text))`);
    await runner.query('DROP INDEX media_files_unused_idx');
    await runner.query('CREATE INDEX media_files_unused_idx ON media_files (created_at) WHERE message_id IS NULL AND sent_at IS NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX media_files_unused_idx');
    await runner.query(
      'CREATE INDEX media_files_unused_idx ON media_files (created_at) WHERE message_id IS NULL AND whatsapp_number_id IS NULL',
    );
    await runner.query('ALTER TABLE media_files DROP COLUMN sent_at');
    await runner.query('DROP TABLE media_usage');
  }
}
