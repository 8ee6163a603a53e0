import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Numbers by QR code: the instance of an Evolution server that holds their connection, its key, and the code a phone scans. */
export class EvolutionNumbers1795000520000 implements MigrationInterface {
  readonly name = 'EvolutionNumbers1795000520000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE whatsapp_numbers ADD COLUMN evolution_instance_name varchar(100), ADD COLUMN evolution_api_url varchar(2048)',
    );
    await runner.query(
      'CREATE UNIQUE INDEX whatsapp_numbers_instance_key ON whatsapp_numbers (evolution_instance_name) WHERE evolution_instance_name IS NOT NULL',
    );
    await runner.query('ALTER TABLE whatsapp_number_secrets ADD COLUMN evolution_api_key text, ADD COLUMN webhook_token uuid');
    await runner.query(
      `UPDATE whatsapp_number_secrets s SET webhook_token = gen_random_uuid() FROM whatsapp_numbers n
        WHERE n.organization_id = s.organization_id AND n.id = s.whatsapp_number_id AND n.connection_type = 'qrcode'`,
    );
    await runner.query(
      'CREATE INDEX whatsapp_number_secrets_webhook_idx ON whatsapp_number_secrets (webhook_token) WHERE webhook_token IS NOT NULL',
    );
    await runner.query(`CREATE TABLE whatsapp_number_pairings (
      organization_id uuid NOT NULL,
      whatsapp_number_id uuid NOT NULL,
      qr_code text,
      code text,
      pairing_code varchar(32),
      expires_at timestamptz(3),
      PRIMARY KEY (organization_id, whatsapp_number_id),
      CONSTRAINT whatsapp_number_pairings_whatsapp_number_id_fkey FOREIGN KEY (organization_id, whatsapp_number_id)
        REFERENCES whatsapp_numbers (organization_id, id) ON DELETE CASCADE
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE whatsapp_number_pairings');
    await runner.query('DROP INDEX whatsapp_number_secrets_webhook_idx');
    await runner.query('ALTER TABLE whatsapp_number_secrets DROP COLUMN evolution_api_key, DROP COLUMN webhook_token');
    await runner.query('DROP INDEX whatsapp_numbers_instance_key');
    await runner.query('ALTER TABLE whatsapp_numbers DROP COLUMN evolution_instance_name, DROP COLUMN evolution_api_url');
  }
}
