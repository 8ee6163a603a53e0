import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whom a business portfolio wrote to first within a day, and how many they are. */
export class PortfolioLimits1795000560000 implements MigrationInterface {
  readonly name = 'PortfolioLimits1795000560000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE portfolio_recipients (
      organization_id uuid NOT NULL,
      portfolio character varying(64) NOT NULL,
      contact_id uuid NOT NULL,
      counted_at timestamptz(3) NOT NULL,
      CONSTRAINT portfolio_recipients_pkey PRIMARY KEY (organization_id, portfolio, contact_id),
      CONSTRAINT portfolio_recipients_contact_id_fkey FOREIGN KEY (organization_id, contact_id) REFERENCES contacts (organization_id, id) ON DELETE CASCADE
    )`);
    await runner.query('CREATE INDEX portfolio_recipients_contact_idx ON portfolio_recipients (organization_id, contact_id)');
    await runner.query('CREATE INDEX portfolio_recipients_counted_idx ON portfolio_recipients (counted_at)');
    await runner.query(`CREATE TABLE portfolio_slots (
      organization_id uuid NOT NULL,
      portfolio character varying(64) NOT NULL,
      began_at timestamptz(3) NOT NULL,
      recipients integer NOT NULL DEFAULT '0',
      is_full boolean NOT NULL DEFAULT false,
      CONSTRAINT portfolio_slots_pkey PRIMARY KEY (organization_id, portfolio, began_at)
    )`);
    await runner.query('CREATE INDEX portfolio_slots_began_idx ON portfolio_slots (began_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE portfolio_slots');
    await runner.query('DROP TABLE portfolio_recipients');
  }
}
