import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a name of a contact ended, how WhatsApp spells its phones, and under which name they write in a conversation. */
export class PhonesGivenUp1795000680000 implements MigrationInterface {
  readonly name = 'PhonesGivenUp1795000680000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    await runner.query(
      'ALTER TABLE contact_identities ADD COLUMN IF NOT EXISTS wa_id varchar(20), ADD COLUMN IF NOT EXISTS inactive_since timestamptz(3)',
    );
    // The phone of a contact that was merged is one of the person's, as good as the other. Of one that was deleted the name went too: who has it is younger.
    await runner.query(`UPDATE contact_identities i SET is_active = true, wa_id = coalesce(g.wa_id, substr(g.whatsapp_id, 2)) FROM contacts g
      WHERE i.kind = 'phone' AND NOT i.is_active AND g.organization_id = i.organization_id AND g.match_key = i.value AND g.deleted_at IS NOT NULL
        AND g.created_at >= i.created_at`);
    await runner.query('UPDATE contact_identities SET inactive_since = updated_at WHERE NOT is_active AND inactive_since IS NULL');
    await runner.query('ALTER TABLE conversations ADD COLUMN IF NOT EXISTS contact_identity_id uuid');
    await runner.query('ALTER TABLE outbound_sends ADD COLUMN IF NOT EXISTS contact_identity_id uuid');
    // Half of one that was broken off.
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS conversations_of_identity_idx');
    await runner.query(
      `CREATE INDEX CONCURRENTLY conversations_of_identity_idx ON conversations (organization_id, contact_identity_id)
        WHERE contact_identity_id IS NOT NULL`,
    );
    await runner.query('ALTER TABLE conversations DROP CONSTRAINT IF EXISTS conversations_contact_identity_id_fkey');
    await runner.query(
      `ALTER TABLE conversations ADD CONSTRAINT conversations_contact_identity_id_fkey FOREIGN KEY (organization_id, contact_identity_id)
         REFERENCES contact_identities (organization_id, id) ON DELETE SET NULL (contact_identity_id) NOT VALID`,
    );
    await runner.query('ALTER TABLE conversations VALIDATE CONSTRAINT conversations_contact_identity_id_fkey');
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE outbound_sends DROP COLUMN contact_identity_id');
    await runner.query('ALTER TABLE conversations DROP COLUMN contact_identity_id');
    await runner.query('ALTER TABLE contact_identities DROP COLUMN wa_id, DROP COLUMN inactive_since');
  }
}
