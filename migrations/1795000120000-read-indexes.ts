import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In the order of the lists, so that a page is read off an index; what a list filters by has one of its own where it is rare. */
const MADE = {
  contacts_newest_idx: 'contacts (organization_id, created_at, id) WHERE deleted_at IS NULL',
  contacts_agent_idx:
    'contacts (organization_id, assigned_agent_id, created_at, id) WHERE assigned_agent_id IS NOT NULL AND deleted_at IS NULL',
  contacts_vip_idx: 'contacts (organization_id, created_at, id) WHERE is_vip AND deleted_at IS NULL',
  contacts_blocked_idx: 'contacts (organization_id, created_at, id) WHERE is_blocked AND deleted_at IS NULL',
  contacts_gone_idx: 'contacts (organization_id, id) WHERE deleted_at IS NOT NULL',
  conversations_newest_idx: 'conversations (organization_id, is_archived, last_message_at DESC NULLS LAST, id DESC) INCLUDE (contact_id)',
  conversations_of_agent_idx: 'conversations (organization_id, current_agent_id, is_archived, last_message_at DESC NULLS LAST, id DESC)',
  conversations_attention_idx: `conversations (organization_id, last_message_at DESC NULLS LAST, id DESC)
    WHERE NOT is_archived AND (status IN ('open', 'pending') OR unread_count > 0)`,
  conversations_ended_idx: `conversations (organization_id, status, is_archived, last_message_at DESC NULLS LAST, id DESC)
    WHERE status IN ('resolved', 'closed')`,
};

const REPLACED = {
  contacts_created_idx: 'contacts (organization_id, created_at, id)',
  conversations_inbox_idx: 'conversations (organization_id, is_archived, last_message_at, id)',
  conversations_agent_idx: 'conversations (organization_id, current_agent_id, status)',
};

/** Lists in the order of an index. Built while messages go on coming in. */
export class ReadIndexes1795000120000 implements MigrationInterface {
  readonly name = 'ReadIndexes1795000120000';
  /** CONCURRENTLY knows none. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    for (const [name, index] of Object.entries(MADE)) {
      // Half of one that was broken off.
      await runner.query(`DROP INDEX IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${index}`);
    }
    for (const name of Object.keys(REPLACED)) await runner.query(`DROP INDEX IF EXISTS ${name}`);
    // Microseconds per row (unaccent): a search goes by its index, and never row by row through a large table.
    await runner.query('ALTER FUNCTION fold(text) COST 1000');
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER FUNCTION fold(text) COST 100');
    for (const [name, index] of Object.entries(REPLACED)) await runner.query(`CREATE INDEX ${name} ON ${index}`);
    for (const name of Object.keys(MADE)) await runner.query(`DROP INDEX ${name}`);
  }
}
