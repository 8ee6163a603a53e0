import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In the order of the lists; what a list filters by has one of its own where it is rare. */
const INDEXES = {
  notifications_newest_idx: '(organization_id, user_id, created_at, id) WHERE is_listed',
  notifications_read_idx: '(organization_id, user_id, is_read, created_at, id) WHERE is_listed',
  notifications_type_idx: '(organization_id, user_id, type, created_at, id) WHERE is_listed',
  notifications_email_idx: `(organization_id, user_id, created_at, id) WHERE deliveries @> '[{"channel": "email"}]'`,
  notifications_sms_idx: `(organization_id, user_id, created_at, id) WHERE deliveries @> '[{"channel": "sms"}]'`,
  notifications_whatsapp_idx: `(organization_id, user_id, created_at, id) WHERE deliveries @> '[{"channel": "whatsapp"}]'`,
  notifications_failed_idx: `(organization_id, user_id, created_at, id) WHERE deliveries @> '[{"status": "failed"}]'`,
  notifications_about_idx: '(organization_id, about, created_at) WHERE about IS NOT NULL',
  notifications_contact_idx: '(organization_id, contact_id) WHERE contact_id IS NOT NULL',
  notifications_email_due_idx: '(organization_id, email_due_at) WHERE email_due_at IS NOT NULL',
  notifications_mail_idx: '(organization_id, mail_id) WHERE mail_id IS NOT NULL',
  notifications_age_idx: '(created_at) WHERE is_read OR NOT is_listed',
};

/** What users are told, one row for an event and a user, and how each wants to be told. */
export class Notifications1795000370000 implements MigrationInterface {
  readonly name = 'Notifications1795000370000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE notifications (
      id uuid NOT NULL,
      organization_id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      user_id uuid NOT NULL,
      type varchar(40) NOT NULL,
      title varchar(255) NOT NULL,
      message varchar(2000) NOT NULL,
      priority varchar(10) NOT NULL DEFAULT 'normal',
      data jsonb NOT NULL DEFAULT '{}',
      action_url varchar(2048),
      is_read boolean NOT NULL DEFAULT false,
      read_at timestamptz(3),
      deliveries jsonb NOT NULL DEFAULT '[]',
      is_listed boolean NOT NULL DEFAULT true,
      about varchar(64),
      contact_id uuid,
      email_due_at timestamptz(3),
      mail_id uuid,
      CONSTRAINT notifications_pkey PRIMARY KEY (organization_id, id),
      CONSTRAINT notifications_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
      CONSTRAINT notifications_contact_id_fkey FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id) ON DELETE CASCADE,
      CONSTRAINT notifications_mail_id_fkey FOREIGN KEY (organization_id, mail_id) REFERENCES outbound_mails (organization_id, id)
        ON DELETE SET NULL (mail_id)
    )`);
    for (const [name, index] of Object.entries(INDEXES)) await runner.query(`CREATE INDEX ${name} ON notifications ${index}`);
    await runner.query(`CREATE TABLE notification_preferences (
      id uuid NOT NULL,
      organization_id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      user_id uuid NOT NULL,
      email_enabled boolean NOT NULL DEFAULT true,
      sms_enabled boolean NOT NULL DEFAULT false,
      whatsapp_enabled boolean NOT NULL DEFAULT false,
      websocket_enabled boolean NOT NULL DEFAULT true,
      in_app_enabled boolean NOT NULL DEFAULT true,
      quiet_hours_enabled boolean NOT NULL DEFAULT false,
      quiet_hours_start varchar(5),
      quiet_hours_end varchar(5),
      max_emails_per_hour integer NOT NULL DEFAULT 10,
      max_sms_per_hour integer NOT NULL DEFAULT 5,
      types jsonb NOT NULL DEFAULT '{}',
      CONSTRAINT notification_preferences_pkey PRIMARY KEY (organization_id, id),
      CONSTRAINT notification_preferences_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE UNIQUE INDEX notification_preferences_user_key ON notification_preferences (organization_id, user_id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE notification_preferences');
    await runner.query('DROP TABLE notifications');
  }
}
