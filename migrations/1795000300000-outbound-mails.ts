import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Mails wait in the database until they have left. */
export class OutboundMails1795000300000 implements MigrationInterface {
  readonly name = 'OutboundMails1795000300000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE outbound_mails (
      id uuid NOT NULL,
      organization_id uuid NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      user_id uuid,
      recipient varchar(255) NOT NULL,
      mail varchar(60) NOT NULL,
      language varchar(35),
      values_encrypted text,
      status varchar(10) NOT NULL DEFAULT 'pending',
      attempts int NOT NULL DEFAULT 0,
      due_at timestamptz(3) NOT NULL DEFAULT now(),
      error varchar(500),
      settled_at timestamptz(3),
      PRIMARY KEY (organization_id, id),
      CONSTRAINT outbound_mails_user_id_fkey FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query(`CREATE INDEX outbound_mails_due_idx ON outbound_mails (organization_id, due_at) WHERE status = 'pending'`);
    await runner.query('CREATE INDEX outbound_mails_recipient_idx ON outbound_mails (organization_id, recipient, mail, created_at)');
    await runner.query('CREATE INDEX outbound_mails_settled_idx ON outbound_mails (settled_at) WHERE settled_at IS NOT NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE outbound_mails');
  }
}
