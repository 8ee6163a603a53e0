import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import request from 'supertest';
import { Config } from '#config/config';
import { createApp } from '../src/app';
import { type TestMongo, startTestMongo } from './support/mongo';
import { type Person, type World, close, errorOf, world, wrongField } from './support/world';

// Questions of super admins to other databases: what they may ask, where, and what they never reach.

let w: World;
let boss: Person;
/** The database of this spec, as another one: only here private hosts are allowed. */
let config: Record<string, unknown>;
const others: NestExpressApplication[] = [];

beforeAll(async () => {
  w = await world({ DATABASE_ALLOW_PRIVATE_HOSTS: 'true' });
  boss = await w.superAdmin();
  const { hostname: host, port, pathname, username, password } = new URL(w.env.DATABASE_OWNER_URL);
  config = { connection_type: 'postgres', host, port: Number(port), database: pathname.slice(1), username, password };
  await w.sql(
    `CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric(10, 2), paid boolean, details jsonb, placed_at timestamptz)`,
  );
  await w.sql(
    `INSERT INTO orders SELECT n, CASE WHEN n % 2 = 0 THEN 'open' ELSE 'paid' END, n * 1.5, n % 2 = 1, '{"gift": true}', '2026-11-20T12:00:00Z'
       FROM generate_series(1, 200) n`,
  );
});
afterAll(async () => {
  await Promise.all(others.map((app) => app.close()));
  await close();
});

interface Result {
  success: boolean;
  data?: Record<string, unknown>[];
  row_count: number;
  execution_time: number;
  truncated: boolean;
  error?: string;
}

const ask = (query: string, more: object = {}): request.Test => boss.post('/database/execute-query', { config, query, ...more });

async function answered(query: string, more: object = {}): Promise<Result> {
  const { body } = await ask(query, more).expect(200);
  return (body as { result: Result }).result;
}

/** The same house with other settings. */
async function house(env: Record<string, string>): Promise<string> {
  const app = await createApp(new Config({ ...w.env, ...env }));
  others.push(app);
  await app.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}

describe('the rooms of operators', () => {
  const paths = ['status', 'stats', 'migrations'].map((name) => `/database/${name}`);

  it('are closed without a token and to everybody below super_admin', async () => {
    for (const path of paths) {
      await w.guest.get(path).expect(401);
      for (const person of [w.acme.viewer, w.acme.agent, w.acme.admin])
        await person.get(path).expect(403).expect(errorOf('insufficient_role'));
    }
  });

  it('are not there unless configured, and questions never in production', async () => {
    const url = await house({ DEBUG_ENDPOINTS_ENABLED: 'false', DATABASE_ALLOW_PRIVATE_HOSTS: 'false' });
    for (const path of paths) await request(url).get(`/api/v1${path}`).set('Authorization', `Bearer ${boss.token}`).expect(404);
    for (const path of ['test-connection', 'execute-query'])
      await request(url)
        .post(`/api/v1/database/${path}`)
        .set('Authorization', `Bearer ${boss.token}`)
        .send({ config, query: 'SELECT 1' })
        .expect(404)
        .expect(errorOf('not_found'));
  });

  it('tell how the stores are, how large the tables, and which migrations ran', async () => {
    const { body: status } = await boss.get('/database/status').expect(200);
    const { body: stats } = await boss.get('/database/stats').expect(200);
    const { body: migrations } = await boss.get('/database/migrations').expect(200);

    expect(status).toMatchObject({
      postgresql: { status: 'healthy', version: expect.stringMatching(/^\d+/), pool: { total: expect.any(Number), waiting: 0 } },
      redis: { status: 'disabled' },
      mongodb: { status: 'disabled' },
    });
    const { tables, database_size_bytes } = stats as { tables: { name: string; size_bytes: number }[]; database_size_bytes: number };
    expect(database_size_bytes).toBeGreaterThan(1_000_000);
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['contacts', 'messages', 'orders']));
    const { executed, pending } = migrations as { executed: { name: string; executed_at: string | null }[]; pending: string[] };
    expect(pending).toEqual([]);
    expect(executed[0]).toEqual({ name: 'First1795000000000', executed_at: null });
    expect(executed.find(({ name }) => name === 'MigrationTimes1795000400000')?.executed_at).toMatch(/Z$/);
  });
});

describe('a question to a PostgreSQL', () => {
  it('answers rows, with what it names bound', async () => {
    const result = await answered(
      `SELECT id, status, total, paid, details, placed_at::text FROM orders WHERE status = :status AND id < :below ORDER BY id`,
      {
        parameters: [
          { name: 'status', value: 'open' },
          { name: 'below', value: 4 },
        ],
      },
    );

    expect(result).toMatchObject({ success: true, row_count: 1, truncated: false, execution_time: expect.any(Number) });
    expect(result.data).toEqual([
      { id: 2, status: 'open', total: '3.00', paid: false, details: { gift: true }, placed_at: expect.stringContaining('2026-11-20') },
    ]);
    const injected = await answered('SELECT count(*)::int AS n FROM orders WHERE status = :status', {
      parameters: [{ name: 'status', value: "x' OR 'a' = 'a" }],
    });
    expect(injected.data).toEqual([{ n: 0 }]);
  });

  it('reads comments, quotes, dollars and casts as PostgreSQL does', async () => {
    const { data } = await answered(
      `-- ; DROP TABLE orders
      WITH "a;b" AS (SELECT 'it''s; :not' AS t, $$:no; $$ AS d /* ; /* nested; */ :x */, E'a\\'; b' AS e, now()::date IS NULL AS c)
      SELECT t, d, e, c, :one::int AS n FROM "a;b" ;`,
      { parameters: [{ name: 'one', value: '1' }] },
    );

    expect(data).toEqual([{ t: "it's; :not", d: ':no; ', e: "a'; b", c: false, n: 1 }]);
  });

  it('ends at max_rows and says so', async () => {
    const { body } = await ask('SELECT id FROM orders', { max_rows: 7 }).expect(200);

    expect(body).toMatchObject({ result: { row_count: 7, truncated: true }, warnings: [expect.stringContaining('7')] });
  });

  it('that fails is an answer', async () => {
    expect(await answered('SELECT nothing FROM nowhere')).toMatchObject({
      success: false,
      row_count: 0,
      error: expect.stringContaining('nowhere'),
    });
    expect(await answered('SELECT 1 / 0 AS x')).toMatchObject({ success: false, error: 'division by zero' });
    const lost = await boss.post('/database/execute-query', { config: { ...config, port: 1 }, query: 'SELECT 1' }).expect(200);
    expect(lost.body).toMatchObject({ result: { success: false, error: 'The connection was refused.' } });
    const stranger = await boss.post('/database/execute-query', {
      config: { ...config, password: 'not mine', username: 'nobody' },
      query: 'SELECT 1',
    });
    expect(stranger.body).toMatchObject({ result: { success: false } });
    expect(stranger.text).not.toContain('not mine');
  });

  it('names its wrong fields', async () => {
    await boss.post('/database/execute-query', { config }).expect(wrongField('query'));
    await boss.post('/database/execute-query', { query: 'SELECT 1' }).expect(wrongField('config'));
    await ask('SELECT 1', { timeout: 31 }).expect(wrongField('timeout'));
    await ask('SELECT 1', { max_rows: 1001 }).expect(wrongField('max_rows'));
    await ask(`SELECT '${'x'.repeat(10_000)}'`).expect(wrongField('query'));
    await ask('SELECT :a', { parameters: [{ name: 'b', value: 1 }] }).expect(wrongField('parameters'));
    await ask('SELECT :a', { parameters: [{ name: 'a', value: {} }] }).expect(wrongField('body', 'parameters', 0, 'value'));
    for (const [field, value] of [
      ['connection_type', 'sqlite'],
      ['connection_type', 'mysql'],
      ['host', ''],
      ['host', 'a b'],
      ['port', 0],
      ['database', ''],
      ['secret_id', 'x'],
    ])
      await boss
        .post('/database/test-connection', { config: { ...config, [String(field)]: value } })
        .expect(wrongField('body', 'config', String(field)));
  });
});

describe('a hostile statement', () => {
  const refusedOutright: string[] = [
    'SELECT 1; DROP TABLE orders',
    'SELECT 1;;SELECT 2',
    `SELECT 'a' /* ' */; DELETE FROM orders --'`,
    `SELECT $a$ $a$; DELETE FROM orders; SELECT $a$ $a$`,
    `SELECT E'\\''; DELETE FROM orders; --'`,
    'DELETE FROM orders',
    'INSERT INTO orders VALUES (999)',
    'UPDATE orders SET total = 0',
    'TRUNCATE orders',
    'MERGE INTO orders USING orders o ON false WHEN NOT MATCHED THEN DO NOTHING',
    'DROP TABLE orders',
    'CREATE TABLE mine (id int)',
    'WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone',
    'WITH new AS (INSERT INTO orders (id) VALUES (999) RETURNING *) SELECT * FROM new',
    'SELECT * INTO mine FROM orders',
    'SELECT * FROM orders FOR UPDATE',
    `COPY orders TO '/tmp/orders'`,
    `COPY orders FROM PROGRAM 'id'`,
    `DO $$ BEGIN DELETE FROM orders; END $$`,
    'SET statement_timeout = 0',
    'SET TRANSACTION READ WRITE',
    'BEGIN',
    'COMMIT',
    'EXPLAIN ANALYZE DELETE FROM orders',
    'EXPLAIN ANALYZE SELECT 1',
    'CALL nothing()',
    'VACUUM',
    'LISTEN news',
    'PREPARE p AS SELECT 1',
    'DECLARE c CURSOR FOR SELECT 1',
    'LOCK TABLE orders',
    `SELECT set_config('transaction_read_only', 'off', false)`,
    `SELECT "set_config"('statement_timeout', '0', false), pg_sleep(60)`,
    'SELECT pg_sleep(60)',
    'SELECT pg_catalog . /* here */ "pg_sleep" (60)',
    `SELECT U&"pg\\005fsleep"(60)`,
    `SELECT pg_read_file('/etc/passwd')`,
    `SELECT pg_ls_dir('/')`,
    `SELECT lo_export(1, '/tmp/x')`,
    `SELECT lo_import('/etc/passwd')`,
    `SELECT pg_terminate_backend(pg_backend_pid())`,
    'SELECT pg_advisory_lock(1)',
    `SELECT nextval('migrations_id_seq')`,
    `SELECT pg_notify('news', 'x')`,
    `SELECT current_setting('data_directory')`,
    `SELECT query_to_xml('SELECT * FROM credentials', true, true, '')`,
    `SELECT table_to_xml('credentials', true, true, '')`,
    'SELECT * FROM pg_authid',
    'SELECT passwd FROM pg_shadow',
    'SELECT * FROM credentials',
    'SELECT c FROM "public"."credentials" c LIMIT 1',
    'SELECT (SELECT count(*) FROM secret_versions) AS n',
    'SELECT * FROM whatsapp_number_secrets WHERE false',
    // An error would quote it.
    'SELECT (SELECT password_hash FROM credentials LIMIT 1)::int',
    "SELECT * FROM orders WHERE status = 'open' OR (SELECT min(token_hash) FROM refresh_tokens)::date IS NULL",
    'SELECT $1',
    "SELECT 'open",
    'SELECT /* open',
    '',
    '/* nothing */ ;',
  ];

  it.each(refusedOutright)('is 422: %s', async (query) => {
    const before = await w.sql('SELECT count(*)::int AS n, sum(total) AS t FROM orders');

    await ask(query).expect(422).expect(wrongField('query'));

    expect(await w.sql('SELECT count(*)::int AS n, sum(total) AS t FROM orders')).toEqual(before);
    expect(await w.sql(`SELECT to_regclass('mine') AS mine`)).toEqual([{ mine: null }]);
  });

  it('of another kind fails within its limits', async () => {
    const unlimited = 'SELECT count(*) FROM generate_series(1, 1e12::bigint)';
    expect(await answered(unlimited, { timeout: 1 })).toMatchObject({
      success: false,
      error: expect.stringContaining('statement timeout'),
    });
    for (const huge of [
      `SELECT repeat('x', 100000000) AS x`,
      `SELECT repeat('x', 10000) AS x FROM generate_series(1, 100000)`,
      `SELECT array_agg(n) AS x FROM generate_series(1, 1000000) n`,
    ])
      expect(await answered(huge, { max_rows: 1000 })).toMatchObject({ success: false, error: expect.stringContaining('1 MB') });
    await w.sql(`CREATE FUNCTION sly() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN DELETE FROM orders; RETURN 1; END'`);
    await w.sql(`CREATE FUNCTION peek() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM credentials); END'`);
    expect(await answered('SELECT sly()')).toMatchObject({ success: false });
    await ask('SELECT peek()').expect(422);
    expect(await w.sql('SELECT count(*)::int AS n FROM orders')).toEqual([{ n: 200 }]);
  });

  it('to a server that says nothing ends in time', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const { port } = silent.address() as AddressInfo;
      const { body } = await boss.post('/database/test-connection', { config: { ...config, port } }).expect(200);
      expect(body).toMatchObject({ success: false });
    } finally {
      silent.close();
    }
  });
});

describe('where it may go', () => {
  let url: string;
  beforeAll(async () => {
    url = await house({ DATABASE_ALLOW_PRIVATE_HOSTS: 'false' });
  });
  const tryHost = (host: string, more: object = {}): request.Test =>
    request(url)
      .post('/api/v1/database/test-connection')
      .set('Authorization', `Bearer ${boss.token}`)
      .send({ config: { ...config, host, ...more } });

  it.each([
    '127.0.0.1',
    'localhost',
    '10.0.0.1',
    '169.254.169.254',
    '192.168.1.1',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    'fc00::1',
    '0.0.0.0',
    '2130706433',
    '0x7f.1',
    '127.1',
  ])('is nowhere private: %s', async (host) => {
    await tryHost(host)
      .expect(wrongField('body', 'config', 'host'))
      .expect(errorOf('url_not_allowed'));
  });

  it('is no store of ours, even where the host is allowed', async () => {
    const allowed = await house({ DATABASE_ALLOW_PRIVATE_HOSTS: 'false', EGRESS_ALLOWED_HOSTS: '127.0.0.0/8,localhost' });
    const there = (body: object): request.Test =>
      request(allowed).post('/api/v1/database/test-connection').set('Authorization', `Bearer ${boss.token}`).send(body);

    for (const host of [config.host, '127.0.0.1', 'localhost'])
      await there({ config: { ...config, host } })
        .expect(wrongField('body', 'config', 'host'))
        .expect(errorOf('url_not_allowed'));
    const { body } = await there({ config: { ...config, port: 1 } }).expect(200);
    expect(body).toMatchObject({ success: false, message: 'The connection was refused.' });
  });
});

describe('a connection test', () => {
  it('says the version of the server and how long it took', async () => {
    const { body } = await boss.post('/database/test-connection', { config }).expect(200);

    expect(body).toEqual({
      success: true,
      message: 'The database answers.',
      connection_time: expect.any(Number),
      server_version: expect.stringMatching(/^\d+\.\d+/),
    });
  });

  it('takes its password from a secret of the organization', async () => {
    const { body: secret } = await boss.post('/secrets', { key: 'REPORTS_PASSWORD', value: config.password }).expect(201);
    const { body: foreign } = await w.acme.admin.post('/secrets', { key: 'REPORTS_PASSWORD', value: 'x' }).expect(201);
    const { password: _password, ...without } = config;

    const { body } = await boss
      .post('/database/test-connection', { config: { ...without, secret_id: (secret as { id: string }).id } })
      .expect(200);
    expect(body).toMatchObject({ success: true });
    await boss.post('/database/test-connection', { config: { ...without, secret_id: (foreign as { id: string }).id } }).expect(404);
  });

  it('and a question are audited, without a password or a statement', async () => {
    await ask(`SELECT 'canary-of-a-statement' AS x`).expect(200);
    const rows = await w.sql(`SELECT action, metadata, resource_name FROM audit_logs WHERE action LIKE 'database.%'`);

    expect(rows).toEqual(expect.arrayContaining([expect.objectContaining({ action: 'database.queried', resource_name: config.host })]));
    expect(JSON.stringify(rows)).not.toContain('canary-of-a-statement');
    expect(rows.some(({ metadata }) => JSON.stringify(metadata).includes(`"${String(config.password)}"`))).toBe(false);
  });

  it('leaves no connection behind', async () => {
    await Promise.all(Array.from({ length: 20 }, () => answered('SELECT count(*) FROM orders')));
    const open = async (): Promise<number> =>
      (await w.sql<{ n: number }>(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'pytake-database'`))[0].n;
    for (let tries = 0; tries < 50 && (await open()); tries++) await new Promise((resolve) => setTimeout(resolve, 100));

    expect(await open()).toBe(0);
  });
});

describe('a question to a MongoDB', () => {
  const mongo = { connection_type: 'mongodb', host: '127.0.0.1', database: 'shop' };
  let server: TestMongo | null = null;
  afterAll(() => server?.close());

  it.each([
    'not json',
    '[]',
    '{"insert": "orders", "documents": []}',
    '{"find": "orders", "let": {}}',
    '{"find": "system.users"}',
    '{"find": "orders", "filter": {"$where": "while (true) {}"}}',
    '{"find": "orders", "filter": {"$expr": {"$function": {"body": "f", "args": [], "lang": "js"}}}}',
    '{"aggregate": "orders", "pipeline": [{"$out": "mine"}]}',
    '{"aggregate": "orders", "pipeline": [{"$merge": {"into": "mine"}}]}',
    '{"aggregate": "orders", "pipeline": [{"$currentOp": {}}]}',
    '{"aggregate": "orders", "pipeline": [{"$lookup": {"from": {"db": "admin", "coll": "x"}, "pipeline": [], "as": "x"}}]}',
    '{"aggregate": "orders", "pipeline": [{"$lookup": {"from": "b", "pipeline": [{"$out": "mine"}], "as": "x"}}]}',
    '{"aggregate": "orders", "pipeline": [{"$facet": {"a": [{"$collStats": {}}]}}]}',
    '{"aggregate": "orders", "pipeline": [{"$unionWith": "system.users"}]}',
    '{"aggregate": 1, "pipeline": []}',
  ])('that does more than read is 422: %s', async (query) => {
    await boss.post('/database/execute-query', { config: mongo, query }).expect(wrongField('query'));
  });

  it('finds documents, with what it names bound', async () => {
    server = await startTestMongo();
    if (!server) return;
    const port = Number(new URL(server.url).port);
    const { mongo: driver } = await import('mongoose');
    const client = await new driver.MongoClient(server.url).connect();
    await client
      .db('shop')
      .collection<{ _id: number }>('orders')
      .insertMany(Array.from({ length: 5 }, (_, n) => ({ _id: n, status: n % 2 ? 'paid' : 'open' })));
    await client.close();

    const { body } = await boss
      .post('/database/execute-query', {
        config: { ...mongo, port },
        query: '{"find": "orders", "filter": {"status": ":status"}, "sort": {"_id": 1}}',
        parameters: [{ name: 'status', value: 'open' }],
        max_rows: 2,
      })
      .expect(200);
    expect(body).toMatchObject({ result: { success: true, row_count: 2, truncated: true, data: [{ _id: 0 }, { _id: 2 }] } });
    const test = await boss.post('/database/test-connection', { config: { ...mongo, port } }).expect(200);
    expect(test.body).toMatchObject({ success: true, server_version: expect.any(String) });
  });
});
