import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { newId } from '#common/uuid';
import { dataSourceOptions } from '#database/database.module';
import { bringUpToDate, executed } from '#database/schema';
import { runCommand } from './support/commands';
import { createDatabase, dropDatabase } from './support/postgres';
import { Product } from './support/product';
import { cloneDatabase } from './support/world';

jest.setTimeout(240_000);

const OLD_SCHEMA = resolve(__dirname, '..', '..', 'test', 'support', 'schema-of-2787c4c.sql');

/** A database of an earlier version, and PyTake on it as a process. */
describe('a database of before the first migration was closed', () => {
  const name = `pytake_schema_${randomBytes(5).toString('hex')}`;
  let env: Record<string, string>;
  let sql: Client;
  let product: Product;

  beforeAll(async () => {
    env = {
      NODE_ENV: 'test',
      DATABASE_URL: await createDatabase(process.env.TEST_DATABASE_URL ?? '', name),
      DATA_DIR: await mkdtemp(join(tmpdir(), 'pytake-schema-')),
      JWT_SECRET: randomBytes(48).toString('base64'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      META_APP_SECRET: randomBytes(16).toString('hex'),
      META_WEBHOOK_VERIFY_TOKEN: randomBytes(16).toString('hex'),
    };
    sql = new Client({ connectionString: env.DATABASE_URL });
    await sql.connect();
    await sql.query(await readFile(OLD_SCHEMA, 'utf8'));
  });
  afterAll(async () => {
    await product?.stop();
    await sql?.end();
    await dropDatabase(process.env.TEST_DATABASE_URL ?? '', name);
    await rm(env.DATA_DIR, { recursive: true, force: true });
  });

  const functions = async (): Promise<unknown> => (await sql.query("SELECT to_regproc('uuid_at') IS NOT NULL AS made")).rows[0];

  it('gets what it lacks at the next start and works', async () => {
    expect(await functions()).toEqual({ made: false });
    const before = await runCommand('migrate', ['show'], env);
    expect(before.out).toContain('[ ] HealFirst1795000050000');

    product = await Product.start(env);

    expect(await functions()).toEqual({ made: true });
    const answer = await fetch(`${product.url}/api/v1/auth/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        email: 'ana@padaria.example',
        password: 'pao-de-queijo-1',
        full_name: 'Ana Souza',
        organization_name: 'Padaria Central',
      }),
    });
    expect(answer.status).toBe(201);
    expect((await runCommand('migrate', ['show'], env)).out).toContain('No migration is pending.');
  });

  it('is left with the indexes its operator added, in one line', async () => {
    await product.stop();
    await sql.query('CREATE INDEX operators_idx ON contacts (company)');

    await product.boot();

    expect(product.output).toContain('more than its migrations made');
    expect(product.output).toContain('operators_idx');
    await product.stop();
    await sql.query('DROP INDEX operators_idx');
  });

  it('is not served when it lacks something else', async () => {
    await sql.query('ALTER TABLE contacts RENAME company TO firm');
    await expect(product.boot()).rejects.toThrow(/not what its migrations say.*column contacts\.company.*restore a backup/);
    await sql.query('ALTER TABLE contacts RENAME firm TO company');
  });

  it('is not served by an older version than its own', async () => {
    await sql.query("INSERT INTO migrations (timestamp, name) VALUES (1999000000000, 'Future1999000000000')");
    await expect(product.boot()).rejects.toThrow(/made by a newer PyTake: this one does not know Future1999000000000/);
    expect(await runCommand('admin', ['list'], env)).toMatchObject({ code: 1, out: expect.stringContaining('newer PyTake') as string });
    await sql.query("DELETE FROM migrations WHERE name = 'Future1999000000000'");
  });

  it('is asked for before a migration is undone', async () => {
    const last = (await sql.query<{ name: string }>('SELECT name FROM migrations ORDER BY id DESC LIMIT 1')).rows[0]?.name;

    expect(await runCommand('migrate', ['revert'], env)).toEqual({
      code: 1,
      out: expect.stringContaining(`would undo ${last}`) as string,
    });
    expect(await runCommand('migrate', ['revert', '--yes'], env)).toEqual({ code: 0, out: `reverted ${last}\n` });
    expect(await runCommand('admin', ['list'], env)).toMatchObject({ code: 1, out: expect.stringContaining('older than this') as string });
    expect(await runCommand('migrate', ['run'], env)).toEqual({ code: 0, out: `ran ${last}\n` });
    expect(await runCommand('migrate', ['run'], env)).toEqual({ code: 0, out: 'No migration was pending.\n' });
  });
});

/** What rows could hold before references were checked. */
describe('rows that refer to nothing', () => {
  const name = `pytake_schema_${randomBytes(5).toString('hex')}`;
  const [acme, globex, contact, stranger, conversation, doubtful, message, lost] = Array.from({ length: 8 }, newId);
  let source: DataSource;

  beforeAll(async () => {
    source = await new DataSource(dataSourceOptions({ database_url: await cloneDatabase(name), database_pool_size: 2 })).initialize();
    while ((await executed(source)).includes('TenantKeys1795000130000')) await source.undoLastMigration();
    const insert = (table: string, row: object): Promise<unknown> =>
      source.query(
        `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row)
          .map((_, n) => `$${n + 1}`)
          .join()})`,
        Object.values(row),
      );
    await insert('contacts', { id: contact, organization_id: acme });
    await insert('contacts', { id: stranger, organization_id: globex });
    await insert('conversations', { id: conversation, organization_id: acme, contact_id: contact, current_agent_id: lost });
    await insert('conversations', { id: doubtful, organization_id: acme, contact_id: stranger });
    const text = {
      organization_id: acme,
      conversation_id: conversation,
      contact_id: contact,
      direction: 'incoming',
      sender_type: 'contact',
      message_type: 'text',
      status: 'received',
    };
    await insert('messages', { id: message, ...text, reply_to_message_id: lost });
    const status = { organization_id: acme, status: 'sent', timestamp: new Date(), source: 'api' };
    await insert('message_status_events', { id: newId(), message_id: message, ...status });
    await insert('message_status_events', { id: newId(), message_id: lost, ...status });
    // Half of an upgrade that was broken off.
    await source.query('CREATE INDEX messages_next_pkey ON messages (status)');
  });
  afterAll(async () => {
    await source?.destroy();
    await dropDatabase(process.env.TEST_DATABASE_URL ?? '', name);
  });

  it('stop the upgrade, in words, where they would be lost by it', async () => {
    const refused = bringUpToDate(source);

    await expect(refused).rejects.toThrow(
      /nothing was changed: 1 of conversations name a contact_id that is not there in their organization \(SELECT /,
    );
    expect(await executed(source)).not.toContain('TenantKeys1795000130000');
  });

  it('are healed where it is clear what they would be', async () => {
    await source.query('UPDATE conversations SET contact_id = $2 WHERE id = $1', [doubtful, contact]);

    expect(await bringUpToDate(source)).toContain('TenantKeys1795000130000');

    expect(await source.query('SELECT current_agent_id FROM conversations')).toEqual([
      { current_agent_id: null },
      { current_agent_id: null },
    ]);
    expect(await source.query('SELECT reply_to_message_id FROM messages')).toEqual([{ reply_to_message_id: null }]);
    expect(await source.query('SELECT message_id FROM message_status_events')).toEqual([{ message_id: message }]);
  });
});
