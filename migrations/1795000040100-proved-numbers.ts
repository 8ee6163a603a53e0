import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Claiming Meta's ids is free, proving them is not: `proved_at` is when a connection test did. Numbers connected today were tested with their
 * own token; their account is asked for again by the next round of tests.
 */
export class ProvedNumbers1795000040100 implements MigrationInterface {
  readonly name = 'ProvedNumbers1795000040100';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE whatsapp_numbers ADD COLUMN proved_at timestamptz(3)');
    await runner.query(
      `UPDATE whatsapp_numbers n SET proved_at = coalesce(n.verified_at, n.created_at)
         FROM whatsapp_number_secrets s
        WHERE s.whatsapp_number_id = n.id AND s.organization_id = n.organization_id AND s.access_token IS NOT NULL
          AND n.connection_type = 'official' AND n.connection_status = 'connected' AND n.verified AND n.phone_number_id IS NOT NULL AND n.deleted_at IS NULL`,
    );
    await runner.query('DROP INDEX whatsapp_numbers_phone_number_id_key');
    await runner.query(
      'CREATE UNIQUE INDEX whatsapp_numbers_phone_number_id_key ON whatsapp_numbers (organization_id, phone_number_id) WHERE deleted_at IS NULL',
    );
    await runner.query(
      'CREATE UNIQUE INDEX whatsapp_numbers_proved_key ON whatsapp_numbers (phone_number_id) WHERE proved_at IS NOT NULL AND deleted_at IS NULL',
    );
  }

  /** Of two that claim one id, who proved it keeps it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `UPDATE whatsapp_numbers n SET phone_number_id = NULL
        WHERE n.deleted_at IS NULL AND EXISTS (
          SELECT 1 FROM whatsapp_numbers o WHERE o.phone_number_id = n.phone_number_id AND o.deleted_at IS NULL AND o.id <> n.id
             AND (o.proved_at IS NOT NULL, n.id) > (n.proved_at IS NOT NULL, o.id))`,
    );
    await runner.query('DROP INDEX whatsapp_numbers_proved_key');
    await runner.query('DROP INDEX whatsapp_numbers_phone_number_id_key');
    await runner.query(
      'CREATE UNIQUE INDEX whatsapp_numbers_phone_number_id_key ON whatsapp_numbers (phone_number_id) WHERE deleted_at IS NULL',
    );
    await runner.query('ALTER TABLE whatsapp_numbers DROP COLUMN proved_at');
  }
}
