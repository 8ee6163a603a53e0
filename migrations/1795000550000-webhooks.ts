import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An organization's own endpoints, what they are to be told, and each try to tell it. */
export class Webhooks1795000550000 implements MigrationInterface {
  readonly name = 'Webhooks1795000550000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE whatsapp_numbers ADD webhook_url varchar(2048)');
    await runner.query(`CREATE TABLE webhooks (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      deleted_at timestamptz(3),
      name varchar(100),
      description varchar(500),
      url varchar(2048) NOT NULL,
      events text[] NOT NULL,
      secret_hint varchar(4),
      headers jsonb,
      is_active boolean NOT NULL DEFAULT true,
      whatsapp_number_id uuid,
      is_of_number boolean NOT NULL DEFAULT false,
      consecutive_failures int NOT NULL DEFAULT 0,
      failing_since timestamptz(3),
      disabled_reason varchar(20),
      last_delivery_at timestamptz(3),
      last_success_at timestamptz(3),
      last_status_code int,
      total_deliveries int NOT NULL DEFAULT 0,
      successful_deliveries int NOT NULL DEFAULT 0,
      failed_deliveries int NOT NULL DEFAULT 0,
      created_by uuid,
      PRIMARY KEY (organization_id, id),
      CONSTRAINT webhooks_whatsapp_number_id_fkey FOREIGN KEY (organization_id, whatsapp_number_id)
        REFERENCES whatsapp_numbers (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE INDEX webhooks_list_idx ON webhooks (organization_id, created_at, id) WHERE deleted_at IS NULL');
    await runner.query('CREATE INDEX webhooks_gone_idx ON webhooks (organization_id) WHERE deleted_at IS NOT NULL');
    await runner.query(
      'CREATE UNIQUE INDEX webhooks_of_number_key ON webhooks (organization_id, whatsapp_number_id) WHERE is_of_number AND deleted_at IS NULL',
    );
    await runner.query(
      'CREATE INDEX webhooks_number_idx ON webhooks (organization_id, whatsapp_number_id) WHERE whatsapp_number_id IS NOT NULL',
    );
    await runner.query(`CREATE TABLE webhook_secrets (
      organization_id uuid NOT NULL,
      webhook_id uuid NOT NULL,
      secret text,
      previous_secret text,
      previous_until timestamptz(3),
      headers text,
      PRIMARY KEY (organization_id, webhook_id),
      CONSTRAINT webhook_secrets_webhook_id_fkey FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query(`CREATE TABLE webhook_events (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      contact_id uuid,
      body text NOT NULL,
      PRIMARY KEY (organization_id, id),
      CONSTRAINT webhook_events_contact_id_fkey FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE INDEX webhook_events_oldest_idx ON webhook_events (created_at)');
    await runner.query(
      'CREATE INDEX webhook_events_contact_idx ON webhook_events (organization_id, contact_id) WHERE contact_id IS NOT NULL',
    );
    await runner.query(`CREATE TABLE webhook_deliveries (
      organization_id uuid NOT NULL,
      id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      webhook_id uuid NOT NULL,
      event_id uuid NOT NULL,
      event varchar(60) NOT NULL,
      status varchar(10) NOT NULL DEFAULT 'pending',
      is_test boolean NOT NULL DEFAULT false,
      attempt int NOT NULL DEFAULT 0,
      max_attempts int NOT NULL,
      url varchar(2048) NOT NULL,
      request_headers jsonb NOT NULL DEFAULT '{}',
      response_status int,
      response_body varchar(2048),
      response_time_ms int,
      error varchar(500),
      attempts jsonb NOT NULL DEFAULT '[]',
      next_retry_at timestamptz(3),
      is_sending boolean NOT NULL DEFAULT false,
      delivered_at timestamptz(3),
      PRIMARY KEY (organization_id, id),
      CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE,
      CONSTRAINT webhook_deliveries_event_id_fkey FOREIGN KEY (organization_id, event_id) REFERENCES webhook_events (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query(
      'CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (organization_id, webhook_id, next_retry_at) WHERE next_retry_at IS NOT NULL',
    );
    await runner.query('CREATE INDEX webhook_deliveries_sending_idx ON webhook_deliveries (organization_id, webhook_id) WHERE is_sending');
    await runner.query('CREATE INDEX webhook_deliveries_log_idx ON webhook_deliveries (organization_id, webhook_id, created_at, id)');
    await runner.query('CREATE UNIQUE INDEX webhook_deliveries_event_key ON webhook_deliveries (organization_id, event_id, webhook_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE webhook_deliveries');
    await runner.query('DROP TABLE webhook_events');
    await runner.query('DROP TABLE webhook_secrets');
    await runner.query('DROP TABLE webhooks');
    await runner.query('ALTER TABLE whatsapp_numbers DROP webhook_url');
  }
}
