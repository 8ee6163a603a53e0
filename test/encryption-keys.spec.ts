import { spawn } from 'node:child_process';
import { createCipheriv, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Client, escapeIdentifier } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { Encryption } from '#common/encryption';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { sealedColumns } from '#database/sealed-columns';
import { SweepSealed } from '#jobs/sweep-sealed';
import { placeOfValue } from '#modules/secrets/secret-version.entity';
import type { SecretView } from '#modules/secrets/secret.dto';
import { NumberDirectory } from '#modules/whatsapp/numbers/number-directory';
import { createApp } from '../src/app';
import { runCommand } from './support/commands';
import { INHERITED } from './support/inherited';
import { officialNumber } from './support/official-number';
import { Product } from './support/product';
import { type Company, PASSWORD, Person, type World, cloneDatabase, world } from './support/world';

// What is sealed, and what becomes of it when the key changes. The app of this file keeps its first key: each test looks at what it needs.

jest.setTimeout(240_000);

const newKey = (): string => randomBytes(32).toString('base64');

/** The settings after a rotation. */
const rotated = (env: Record<string, string>, key = newKey()): Record<string, string> => ({
  ...env,
  ENCRYPTION_KEY: key,
  ENCRYPTION_KEYS_OLD: [env.ENCRYPTION_KEY, env.ENCRYPTION_KEYS_OLD].filter(Boolean).join(','),
});

/** Without the older keys. */
const without = ({ ENCRYPTION_KEYS_OLD: _old, ...env }: Record<string, string>): Record<string, string> => env;

const ringOf = (env: Record<string, string>): Encryption => new Encryption(new Config(env).encryption_keys);

/** How many sealed texts there are, by the id of their key; those of the first form have none. */
async function textsByKey(sql: World['sql']): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [table, { columns }] of sealedColumns())
    for (const column of columns) {
      const rows = await sql<{ key: string; count: number }>(
        `SELECT CASE WHEN ${column} LIKE 'v1:%:%' THEN split_part(${column}, ':', 2) ELSE 'none' END AS key, count(*)::int AS count
           FROM ${table} WHERE ${column} IS NOT NULL GROUP BY 1`,
      );
      for (const { key, count } of rows) counts[key] = (counts[key] ?? 0) + count;
    }
  return counts;
}

/** The app with other settings, on the same database, while `work` runs. */
async function beside(env: Record<string, string>, work: (app: NestExpressApplication, as: (person: Person) => Person) => Promise<void>) {
  const app = await createApp(new Config(env));
  try {
    await app.listen(0, '127.0.0.1');
    const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
    await work(app, ({ token, user }) => new Person(url, token, user));
  } finally {
    await app.close();
  }
}

const createSecret = async ({ admin }: Company, value: string): Promise<SecretView> =>
  (await admin.post('/secrets', { key: `KEY_${randomBytes(5).toString('hex')}`, value }).expect(201)).body as SecretView;

/** As texts were before keys had ids. */
function firstForm(plain: string, key: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'base64'), nonce);
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `v1:${Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')}`;
}

describe('another ENCRYPTION_KEY', () => {
  let env: Record<string, string>;
  let acme: Company;
  /** Made while only the first app is there: passport knows one strategy a process, that of the app that came last. */
  let old: SecretView;

  beforeAll(async () => {
    ({ env, acme } = await world());
    old = await createSecret(acme, 'sk-0123456789');
  });

  it('opens what the old one sealed, and by the job seals it all again: then the old one may go', async () => {
    const w = await world();
    const { sql } = w;
    const secret = await createSecret(acme, 'sk-first-0123456789');
    await acme.admin.post(`/secrets/${secret.id}/rotate`, { new_value: 'sk-second-0123456789' }).expect(200);
    const number = await officialNumber(w, acme, { app_secret: 'the-app-secret' });
    // A text of before.
    await sql('UPDATE whatsapp_number_secrets SET access_token = $2 WHERE whatsapp_number_id = $1', [
      number.id,
      firstForm('EAA-old', env.ENCRYPTION_KEY),
    ]);
    const next = rotated(env);

    await beside(next, async (app, as) => {
      const { body } = await as(acme.admin).get(`/secrets/${secret.id}/value`).expect(200);
      expect(body).toMatchObject({ value: 'sk-second-0123456789', version: 2 });
      const [known] = await app.get(NumberDirectory).byPhoneNumberIds([number.phone_number_id], false);
      expect(known).toMatchObject({ app_secret: 'the-app-secret' });
      const fresh = await createSecret({ ...acme, admin: as(acme.admin) }, 'sk-third-0123456789');
      expect(fresh.encryption_key_id).toBe(ringOf(next).key_id);

      await app.get(SweepSealed).sweep({ signal: new AbortController().signal } as Parameters<SweepSealed['sweep']>[0]);
    });

    expect(await textsByKey(sql)).toEqual({ [ringOf(next).key_id]: expect.any(Number) as number });
    await beside(without(next), async (app, as) => {
      const admin = as(acme.admin);
      const { body } = await admin.get(`/secrets/${secret.id}/value`).expect(200);
      expect(body).toMatchObject({ value: 'sk-second-0123456789' });
      const { body: versions } = await admin.get(`/secrets/${secret.id}/versions`).expect(200);
      expect((versions as { items: { key_id: string }[] }).items.map(({ key_id }) => key_id)).toEqual(Array(2).fill(ringOf(next).key_id));
      const [known] = await app.get(NumberDirectory).byPhoneNumberIds([number.phone_number_id], false);
      expect(known).toMatchObject({ app_secret: 'the-app-secret' });
    });
    const [{ access_token }] = await sql<{ access_token: string }>(
      'SELECT access_token FROM whatsapp_number_secrets WHERE whatsapp_number_id = $1',
      [number.id],
    );
    expect(ringOf(without(next)).decrypt(access_token, [acme.id, number.id])).toBe('EAA-old');
    env = without(next);
  });

  it('without the old one opens nothing, and the command says so and leaves all as it is', async () => {
    const { sql } = await world();
    const before = await textsByKey(sql);

    const said = await runCommand('admin', ['re-encrypt'], { ...env, ENCRYPTION_KEY: newKey() });

    expect(said).toEqual({
      code: 1,
      out: expect.stringMatching(/rows of secret_versions, .*cannot be opened and stay as they are: name the key/) as string,
    });
    expect(await textsByKey(sql)).toEqual(before);
  });

  it('is carried through by the command, also when it is killed in the middle and begun again', async () => {
    const { sql } = await world();
    const { id } = old;
    const ring = ringOf(env);
    const many = Array.from({ length: 3000 }, (_, n) => ({ row: newId(), version: n + 2 }));
    await sql(
      `INSERT INTO secret_versions (organization_id, id, secret_id, version, value_encrypted, key_id, rotated_at)
       SELECT $1, row, $2, version, text, $6, now() FROM unnest($3::uuid[], $4::int[], $5::text[]) AS r(row, version, text)`,
      [
        acme.id,
        id,
        many.map(({ row }) => row),
        many.map(({ version }) => version),
        many.map(({ version }) => ring.encrypt(`value ${version}`, placeOfValue({ organization_id: acme.id, id }, version))),
        ring.key_id,
      ],
    );
    const first = Object.keys(await textsByKey(sql));
    // The app that made the secret has the oldest key of all.
    const next = rotated({ ...env, ENCRYPTION_KEYS_OLD: (await world()).env.ENCRYPTION_KEY });
    const newest = ringOf(next).key_id;

    const child = spawn(process.execPath, [join(__dirname, '..', 'src', 'admin.js'), 're-encrypt'], {
      env: { ...INHERITED, ...next },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const chunk of child.stdout) if (/^secret_versions: [1-9]/m.test(String(chunk))) break;
    child.kill('SIGKILL');
    await once(child, 'exit').catch(() => undefined);

    const half = await textsByKey(sql);
    expect(half[newest]).toBeGreaterThan(0);
    expect(half[newest]).toBeLessThan(3000);
    expect(Object.keys(half).length).toBeGreaterThan(first.length);

    const said = await runCommand('admin', ['re-encrypt'], next);

    expect(said).toEqual({
      code: 0,
      out: expect.stringMatching(/^secret_versions: \d+\n[\s\S]*rows are sealed with the key \w+ now/m) as string,
    });
    expect(Object.keys(await textsByKey(sql))).toEqual([newest]);
    const last = ringOf(without(next));
    const rows = await sql<{ version: number; value_encrypted: string; key_id: string }>(
      'SELECT version, value_encrypted, key_id FROM secret_versions WHERE secret_id = $1 AND version > 1 ORDER BY version',
      [id],
    );
    expect(
      rows.map(({ version, value_encrypted }) => last.decrypt(value_encrypted, placeOfValue({ organization_id: acme.id, id }, version))),
    ).toEqual(many.map(({ version }) => `value ${version}`));
    expect(new Set(rows.map(({ key_id }) => key_id))).toEqual(new Set([newest]));
    const { out } = await runCommand('admin', ['re-encrypt'], next);
    expect(out).toMatch(/^0 rows are sealed/);
  });
});

it('keeps values out of every table, log, error, entry and job', async () => {
  const database_url = await cloneDatabase(`pytake_spec_${randomUUID().slice(0, 13)}`);
  const canary = (name: string): string => `canary-${name}-${randomBytes(12).toString('hex')}`;
  const secrets = {
    first: canary('first'),
    second: canary('second'),
    third: canary('third'),
    wrong: canary('wrong'),
    token: canary('token'),
  };
  const product = await Product.start({
    DATABASE_URL: database_url,
    JWT_SECRET: randomBytes(48).toString('base64'),
    ENCRYPTION_KEY: newKey(),
    LOG_LEVEL: 'trace',
    OPENAI_BASE_URL: 'http://127.0.0.1:9',
    META_GRAPH_BASE_URL: 'http://127.0.0.1:9',
  });
  try {
    const { access_token } = await product.call<{ access_token: string }>('POST', '/auth/register', {
      organization_name: 'Padaria',
      full_name: 'Ana Souza',
      email: 'ana@padaria.example',
      password: PASSWORD,
    });
    const refused = async (method: string, path: string, body?: object): Promise<string> =>
      product.call(method, path, body, access_token).then(
        () => 'done',
        (error: Error) => error.message,
      );
    const { id } = await product.call<{ id: string }>(
      'POST',
      '/secrets',
      { key: 'CANARY', value: secrets.first, service: 'openai' },
      access_token,
    );
    const answers = [
      await refused('POST', '/secrets', { key: 'CANARY', value: secrets.wrong }),
      await refused('POST', '/secrets', { key: '1', value: secrets.wrong }),
      await refused('POST', '/secrets', { key: 'X', value: secrets.wrong.repeat(3000) }),
      await refused('POST', '/secrets', { key: 'X', value: [secrets.wrong] }),
      await refused('POST', '/secrets', { key: 'X', value: `\0${secrets.wrong}` }),
      await refused('POST', `/secrets/${randomUUID()}/rotate`, { new_value: secrets.wrong }),
    ];
    await product.call('PUT', `/secrets/${id}`, { value: secrets.second }, access_token);
    await product.call('POST', `/secrets/${id}/rotate`, { new_value: secrets.third }, access_token);
    await product.call('POST', `/secrets/${id}/test`, { test_type: 'connection' }, access_token);
    const number = { phone_number: '+5511987654321', phone_number_id: '106540352242922', access_token: secrets.token };
    await product.call('POST', '/whatsapp', { ...number, whatsapp_business_account_id: '102290129340398' }, access_token);
    const shown = await product.call('GET', `/secrets/${id}/value`, undefined, access_token);
    expect(shown).toMatchObject({ value: secrets.third });
    expect(answers.join()).not.toMatch(/done|canary-/);

    const { dump, tables } = await dumpOf(database_url);

    expect(tables).toBeGreaterThan(30);
    // What is in it, is in it.
    expect(dump).toContain('Padaria');
    expect(dump).toContain('secret.value_read');
    expect(product.output).toContain('/secrets');
    for (const [name, value] of Object.entries(secrets)) {
      const seen = (text: string): boolean =>
        ['utf8', 'base64', 'hex'].some((encoding) =>
          text.includes(
            Buffer.from(value)
              .toString(encoding as BufferEncoding)
              .slice(0, 40),
          ),
        );
      expect({ name, in_dump: seen(dump), in_log: seen(product.output) }).toEqual({ name, in_dump: false, in_log: false });
    }
    // And whatever looks sealed is of a column that is declared.
    const columns = await sealedIn(database_url);
    expect(columns.length).toBeGreaterThan(0);
    const declared = [...sealedColumns()].flatMap(([table, { columns }]) => columns.map((column) => `${table}.${column}`));
    expect(columns.filter((column) => !declared.includes(column))).toEqual([]);
  } finally {
    await product.end();
    const { sql } = await world();
    await sql(`DROP DATABASE IF EXISTS ${escapeIdentifier(new URL(database_url).pathname.slice(1))} WITH (FORCE)`);
  }
});

/** Every row of every table, as PostgreSQL copies them. */
async function dumpOf(url: string): Promise<{ dump: string; tables: number }> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const parts: string[] = [];
    for (const { name } of rows) parts.push(await text(client.query(copyTo(`COPY (SELECT * FROM ${name}) TO STDOUT`)).setEncoding('utf8')));
    return { dump: parts.join('\n'), tables: rows.length };
  });
}

/** Columns in which a text is sealed: `table.column`. */
async function sealedIn(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ table_name: string; column_name: string }>(
      `SELECT table_name, column_name FROM information_schema.columns c JOIN pg_tables t ON t.tablename = c.table_name AND t.schemaname = 'public'
        WHERE c.table_schema = 'public' AND data_type IN ('text', 'character varying', 'jsonb', 'json')`,
    );
    const found: string[] = [];
    for (const { table_name, column_name } of rows) {
      const { rowCount } = await client.query(
        `SELECT 1 FROM ${escapeIdentifier(table_name)} WHERE ${escapeIdentifier(column_name)}::text ~ 'v1:[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{16}:' LIMIT 1`,
      );
      if (rowCount) found.push(`${table_name}.${column_name}`);
    }
    return found;
  });
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
