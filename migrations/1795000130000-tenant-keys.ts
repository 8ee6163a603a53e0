import { setTimeout as sleep } from 'node:timers/promises';
import { type MigrationInterface, QueryFailedError, type QueryRunner } from 'typeorm';

/** What names a row within its organization, and how its primary key was called. */
const KEYS = {
  users: ['id', 'PK_a3ffb1c0c8416b9fc6f907b7433'],
  credentials: ['user_id', 'PK_c68a6c53e95a7dc357f4ebce8f0'],
  whatsapp_numbers: ['id', 'PK_3184795c48abf9c78f9242af057'],
  whatsapp_number_secrets: ['whatsapp_number_id', 'PK_85b400d8928b29ef10404b4b4ff'],
  whatsapp_templates: ['id', 'PK_73154f2b6ebc019bc3461ee14eb'],
  contacts: ['id', 'PK_b99cd40cfd66a99f1571f4f72e6'],
  contact_identities: ['id', 'PK_38de992d13ad0ef3975ca176935'],
  conversations: ['id', 'PK_ee34f4f7ced4ec8681f26bf04ef'],
  messages: ['id', 'PK_18325f38ae6de43878487eff986'],
  message_status_events: ['id', 'PK_8315fd1503b59bcdb37e5412ccf'],
  outbound_sends: ['message_id', 'PK_2b8171ae079600a15a04530e28a'],
  media_files: ['id', 'PK_93b4da6741cd150e76f9ac035d8'],
  parked_items: ['id', 'PK_12f755e631a50623a7e5775d4a7'],
};

type Reference = readonly [table: string, column: string, to: string, on_delete: 'RESTRICT' | 'CASCADE' | 'SET NULL'];

const REFERENCES: readonly Reference[] = [
  ['credentials', 'user_id', 'users', 'CASCADE'],
  ['sessions', 'user_id', 'users', 'CASCADE'],
  ['whatsapp_number_secrets', 'whatsapp_number_id', 'whatsapp_numbers', 'CASCADE'],
  ['whatsapp_templates', 'whatsapp_number_id', 'whatsapp_numbers', 'CASCADE'],
  ['parked_items', 'whatsapp_number_id', 'whatsapp_numbers', 'CASCADE'],
  ['contacts', 'assigned_agent_id', 'users', 'SET NULL'],
  ['contact_identities', 'contact_id', 'contacts', 'CASCADE'],
  ['conversations', 'contact_id', 'contacts', 'RESTRICT'],
  ['conversations', 'whatsapp_number_id', 'whatsapp_numbers', 'RESTRICT'],
  ['conversations', 'current_agent_id', 'users', 'SET NULL'],
  ['messages', 'conversation_id', 'conversations', 'RESTRICT'],
  ['messages', 'contact_id', 'contacts', 'RESTRICT'],
  ['messages', 'whatsapp_number_id', 'whatsapp_numbers', 'RESTRICT'],
  ['messages', 'sender_user_id', 'users', 'SET NULL'],
  ['messages', 'reply_to_message_id', 'messages', 'SET NULL'],
  ['messages', 'template_id', 'whatsapp_templates', 'SET NULL'],
  ['messages', 'resent_from_id', 'messages', 'SET NULL'],
  ['messages', 'resent_as_id', 'messages', 'RESTRICT'],
  ['message_status_events', 'message_id', 'messages', 'CASCADE'],
  ['outbound_sends', 'message_id', 'messages', 'RESTRICT'],
  ['outbound_sends', 'conversation_id', 'conversations', 'RESTRICT'],
  ['outbound_sends', 'whatsapp_number_id', 'whatsapp_numbers', 'RESTRICT'],
  ['media_files', 'message_id', 'messages', 'SET NULL'],
  ['media_files', 'whatsapp_number_id', 'whatsapp_numbers', 'SET NULL'],
];

/** For the deletion of what they name. */
const INDEXES = {
  messages_reply_idx: 'messages (organization_id, reply_to_message_id) WHERE reply_to_message_id IS NOT NULL',
  messages_template_idx: 'messages (organization_id, template_id) WHERE template_id IS NOT NULL',
  messages_resent_from_idx: 'messages (organization_id, resent_from_id) WHERE resent_from_id IS NOT NULL',
  messages_resent_as_idx: 'messages (organization_id, resent_as_id) WHERE resent_as_id IS NOT NULL',
};

/** Who wants a table alone makes everybody who comes after wait too: not longer than this, then again later. */
const LOCK_MS = 500;
const PAUSE_MS = 500;
const PATIENCE_MS = 15 * 60_000;

const keyOf = (table: string): string => `${table}_pkey`;
const nameOf = ([table, column]: Reference): string => `${table}_${column}_fkey`;

/** Of a row `c`: its reference points to nothing within its organization. */
const isOrphan = ([, column, to]: Reference): string =>
  `c.${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${to} p WHERE p.organization_id = c.organization_id AND p.id = c.${column})`;

/**
 * The wall in the database: keys begin with the organization, and a row refers to rows of its own organization alone. Writes go on meanwhile; broken
 * off, the next start goes on with it.
 */
export class TenantKeys1795000130000 implements MigrationInterface {
  readonly name = 'TenantKeys1795000130000';
  /** CONCURRENTLY knows none, and no lock is held from one step to the next. */
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // A large table takes longer than a request may.
    await runner.query('SET statement_timeout = 0');
    const made = await constraints(runner);
    await refuseOrphans(
      runner,
      REFERENCES.filter((reference) => !made.get(nameOf(reference))),
    );

    await build(runner, 'users_id_key', 'users (id)', 'UNIQUE');
    for (const [name, rows] of Object.entries(INDEXES)) await build(runner, name, rows);
    // Nobody's: no organization can ask for them.
    await runner.query('DELETE FROM parked_items WHERE organization_id IS NULL');
    for (const [table, [key, before]] of Object.entries(KEYS)) {
      if (made.has(keyOf(table))) continue;
      await build(runner, `${table}_next_pkey`, `${table} (organization_id, ${key})`, 'UNIQUE');
      await briefly(
        runner,
        `ALTER TABLE ${table} DROP CONSTRAINT "${before}", ADD CONSTRAINT ${keyOf(table)} PRIMARY KEY USING INDEX ${table}_next_pkey`,
      );
    }
    // From here on no new orphan gets in.
    for (const reference of REFERENCES) {
      const [table, column, to, on_delete] = reference;
      if (made.has(nameOf(reference))) continue;
      // In the order in which writers come by.
      await briefly(
        runner,
        `LOCK TABLE ${to}, ${table} IN SHARE ROW EXCLUSIVE MODE;
         ALTER TABLE ${table} ADD CONSTRAINT ${nameOf(reference)} FOREIGN KEY (organization_id, ${column}) REFERENCES ${to} (organization_id, id)
           ON DELETE ${on_delete}${on_delete === 'SET NULL' ? ` (${column})` : ''} NOT VALID`,
      );
    }
    for (const reference of REFERENCES) {
      if (made.get(nameOf(reference))) continue;
      await heal(runner, reference);
      await runner.query(`ALTER TABLE ${reference[0]} VALIDATE CONSTRAINT ${nameOf(reference)}`);
    }
    await runner.query('RESET statement_timeout');
  }

  /** TypeORM goes back in a transaction, whatever `transaction` says. */
  async down(runner: QueryRunner): Promise<void> {
    for (const reference of REFERENCES) await runner.query(`ALTER TABLE ${reference[0]} DROP CONSTRAINT ${nameOf(reference)}`);
    for (const [table, [key, before]] of Object.entries(KEYS))
      await runner.query(`ALTER TABLE ${table} DROP CONSTRAINT ${keyOf(table)}, ADD CONSTRAINT "${before}" PRIMARY KEY (${key})`);
    await runner.query('ALTER TABLE parked_items ALTER COLUMN organization_id DROP NOT NULL');
    for (const name of ['users_id_key', ...Object.keys(INDEXES)]) await runner.query(`DROP INDEX ${name}`);
  }
}

/** Constraints by name, and whether their rows were all looked at. */
async function constraints(runner: QueryRunner): Promise<Map<string, boolean>> {
  const rows = (await runner.query(
    `SELECT conname AS name, convalidated AS valid FROM pg_constraint WHERE connamespace = 'public'::regnamespace`,
  )) as { name: string; valid: boolean }[];
  return new Map(rows.map(({ name, valid }) => [name, valid]));
}

async function build(runner: QueryRunner, name: string, rows: string, unique = ''): Promise<void> {
  // Half of one that was broken off.
  await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
  await runner.query(`CREATE ${unique} INDEX CONCURRENTLY ${name} ON ${rows}`);
}

/** For what takes a moment once it has its lock. */
async function briefly(runner: QueryRunner, statement: string): Promise<void> {
  await runner.query(`SET lock_timeout = ${LOCK_MS}`);
  for (const end = Date.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
    try {
      await runner.query(statement);
      break;
    } catch (error) {
      // lock_not_available, deadlock_detected
      const { code } = error instanceof QueryFailedError ? (error.driverError as { code?: string }) : {};
      if (code !== '55P03' && code !== '40P01') throw error;
      if (Date.now() > end)
        throw new Error(
          'The upgrade waits for a transaction that does not end. Find it (SELECT pid, query FROM pg_stat_activity ORDER BY xact_start), end it and start again: it goes on from here.',
          { cause: error },
        );
    }
  }
  await runner.query('RESET lock_timeout');
}

/** @throws One line for the console: rows whose repair is not ours to choose. Nothing has changed by then. */
async function refuseOrphans(runner: QueryRunner, references: readonly Reference[]): Promise<void> {
  const found: string[] = [];
  for (const reference of references) {
    const [table, column, to, on_delete] = reference;
    if (on_delete === 'SET NULL') continue;
    // A part of what is gone goes too; one of something that is another organization's is not ours to judge.
    const rows = `FROM ${table} c WHERE ${isOrphan(reference)}${on_delete === 'CASCADE' ? ` AND EXISTS (SELECT FROM ${to} p WHERE p.id = c.${column})` : ''}`;
    const [{ count }] = (await runner.query(`SELECT count(*)::int AS count ${rows}`)) as [{ count: number }];
    if (count) found.push(`${count} of ${table} name a ${column} that is not there in their organization (SELECT * ${rows})`);
  }
  if (found.length)
    throw new Error(
      `The upgrade would lose rows, so nothing was changed: ${found.join('; ')}. Give them what they miss or delete them, or restore a backup; then start again.`,
    );
}

/** An orphan gets what its reference would have done. */
async function heal(runner: QueryRunner, reference: Reference): Promise<void> {
  const [table, column, , on_delete] = reference;
  if (on_delete === 'SET NULL') await runner.query(`UPDATE ${table} c SET ${column} = NULL WHERE ${isOrphan(reference)}`);
  if (on_delete === 'CASCADE') await runner.query(`DELETE FROM ${table} c WHERE ${isOrphan(reference)}`);
}
