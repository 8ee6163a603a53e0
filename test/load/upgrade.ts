import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { newId } from '#common/uuid';
import { commandSourceOptions } from '#database/database.module';
import { bringUpToDate, executed } from '#database/schema';
import { seed } from './seed';
import { figure, play, setting, table } from './stage';

/**
 * The upgrade from before keys carried the organization, while writers write and a report reads: how long does anybody wait? CONTACTS, CONVERSATIONS,
 * MESSAGES, WRITERS, READ_SECONDS.
 */
const SIZES = {
  contacts: setting('CONTACTS', 100_000),
  conversations: setting('CONVERSATIONS', 100_000),
  messages: setting('MESSAGES', 1_000_000),
};
const WRITERS = setting('WRITERS', 4);
const READ_SECONDS = setting('READ_SECONDS', 3);
const BACK_TO = 'ReadIndexes1795000120000';
const PROMISED_MS = 2000;

play(async (stage, check) => {
  await stage.kill((await stage.pytake()).process, 'SIGTERM');
  const { organization_id } = stage.bakery;
  await seed(stage.sql, organization_id, SIZES);
  const source = await new DataSource(commandSourceOptions({ database_url: stage.database_url })).initialize();
  while ((await executed(source)).at(-1) !== BACK_TO) await source.undoLastMigration();
  await stage.sql.query('VACUUM ANALYZE');

  const { rows: threads } = await stage.sql.query<{ id: string; contact_id: string; whatsapp_number_id: string }>(
    'SELECT id, contact_id, whatsapp_number_id FROM conversations ORDER BY id LIMIT 1000',
  );
  const waits: number[] = [];
  let upgrading = true;
  /** As filing does: the person, the thread, the message and its history. */
  const write = async (): Promise<void> => {
    const sql = new Client({ connectionString: stage.database_url });
    await sql.connect();
    for (; upgrading; await sleep(5)) {
      const { id, contact_id, whatsapp_number_id } = threads[Math.floor(Math.random() * threads.length)];
      const message = newId();
      const begun = performance.now();
      await sql.query('BEGIN');
      await sql.query('UPDATE contacts SET last_message_at = now() WHERE organization_id = $1 AND id = $2', [organization_id, contact_id]);
      await sql.query('UPDATE conversations SET total_messages = total_messages + 1 WHERE organization_id = $1 AND id = $2', [
        organization_id,
        id,
      ]);
      await sql.query(
        `INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, message_type, content, status, whatsapp_message_id)
         VALUES ($1::uuid, $2, $3, $4, $5, 'outgoing', 'agent', 'text', 'Já saiu para entrega!', 'sent', $1::uuid)`,
        [message, organization_id, id, contact_id, whatsapp_number_id],
      );
      await sql.query(
        `INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source) VALUES ($1, $2, $3, 'sent', now(), 'api')`,
        [newId(), organization_id, message],
      );
      await sql.query('COMMIT');
      waits.push(performance.now() - begun);
    }
    await sql.end();
  };
  /** A report: its locks stay until its transaction ends. */
  const read = async (): Promise<void> => {
    const sql = new Client({ connectionString: stage.database_url });
    await sql.connect();
    while (upgrading) {
      await sql.query('BEGIN');
      await sql.query(
        'SELECT count(*) FROM messages m JOIN conversations c USING (organization_id) WHERE m.id = c.last_message_id AND c.id = $1',
        [threads[0].id],
      );
      await sql.query('SELECT pg_sleep($1)', [READ_SECONDS]);
      await sql.query('COMMIT');
      await sleep(1000);
    }
    await sql.end();
  };

  const others = Promise.all([read(), ...Array.from({ length: WRITERS }, write)]);
  others.catch(() => undefined); // Heard below.
  await sleep(2000);
  const before = waits.length;
  const started = performance.now();
  await bringUpToDate(source);
  const seconds = (performance.now() - started) / 1000;
  upgrading = false;
  await others;
  await source.destroy();

  const sorted = waits.slice(before).sort((a, b) => a - b);
  const part = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  console.log(
    `${SIZES.messages} messages upgraded in ${figure(seconds)} s, while ${WRITERS} wrote and one read for ${READ_SECONDS} s at a time`,
  );
  console.log(table(['milliseconds of a write', 'writes', 'p50', 'p99', 'worst'], [['', sorted.length, part(0.5), part(0.99), part(1)]]));
  check(part(1) <= PROMISED_MS, `nobody who writes waits longer than ${PROMISED_MS / 1000} s`);
});
