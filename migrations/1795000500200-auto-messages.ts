import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a number answers by itself, and when it did. Built while messages go on coming in. */
export class AutoMessages1795000500200 implements MigrationInterface {
  readonly name = 'AutoMessages1795000500200';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    await runner.query(`ALTER TABLE whatsapp_numbers
      ADD COLUMN IF NOT EXISTS auto_reply_enabled boolean NOT NULL DEFAULT false,
      ADD COLUMN IF NOT EXISTS welcome_message varchar(1024),
      ADD COLUMN IF NOT EXISTS away_message varchar(1024),
      ADD COLUMN IF NOT EXISTS business_hours jsonb`);
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS messages_automation_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY messages_automation_idx ON messages (organization_id, contact_id, created_at) WHERE sender_type = 'automation'`,
    );
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX messages_automation_idx');
    await runner.query(`ALTER TABLE whatsapp_numbers
      DROP COLUMN auto_reply_enabled, DROP COLUMN welcome_message, DROP COLUMN away_message, DROP COLUMN business_hours`);
  }
}
