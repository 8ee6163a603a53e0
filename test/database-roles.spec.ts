import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '#database/embedded-postgres';
import { embeddedSql, runCommand } from './support/commands';
import { dropDatabase } from './support/postgres';
import { Product } from './support/product';
import { until } from './support/sockets';

jest.setTimeout(240_000);

const someName = (): string => `pytake_roles_${randomBytes(5).toString('hex')}`;

/** Who is connected to this database, but for who asks. */
const connected = async (sql: Client): Promise<string[]> =>
  (
    await sql.query<{ usename: string }>(
      `SELECT DISTINCT usename FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY 1`,
    )
  ).rows.map(({ usename }) => usename);

const actionsOf = async (sql: Client): Promise<string[]> =>
  (await sql.query<{ action: string }>('SELECT action FROM audit_logs ORDER BY id')).rows.map(({ action }) => action);

async function connect(url: string): Promise<Client> {
  const sql = new Client({ connectionString: url });
  await sql.connect();
  return sql;
}

/** Somebody who registers; answers a call of theirs. */
async function register(product: Product): Promise<(method: string, path: string, body?: object) => Promise<Record<string, unknown>>> {
  const { access_token } = await product.call<{ access_token: string }>('POST', '/auth/register', {
    organization_name: 'Padaria Central',
    full_name: 'Ana Souza',
    email: `ana-${randomBytes(4).toString('hex')}@padaria.example`,
    password: 'pao-de-queijo-1',
  });
  return (method, path, body) => product.call(method, path, body, access_token);
}

/** As if the migration had not run. */
const UNGUARDED = `DROP TRIGGER organizations_deleted_now ON organizations; DROP FUNCTION organizations_deleted_now;
  DROP FUNCTION forget_audit_logs; DROP FUNCTION erase_audit_logs; DELETE FROM migrations WHERE name = 'AuditGuards1795000682000'`;

const NEW = { whatsapp_id: '+5511987650001', name: 'Bia' };

describe('the embedded PyTake', () => {
  let product: Product;
  afterAll(() => product?.end());

  it('works as a role that owns none of its tables', async () => {
    product = await Product.start({ DEMO: 'false' });
    const ana = await register(product);
    await ana('POST', '/contacts', NEW);

    const sql = await embeddedSql(product.data_dir);
    expect(await connected(sql)).toEqual(['pytake_app']);
    expect(await actionsOf(sql)).toContain('contact.created');
    const { rows } = await sql.query(
      `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS may_rule,
              ARRAY(SELECT relname::text FROM pg_class WHERE relowner = r.oid AND relnamespace = 'public'::regnamespace) AS owned
         FROM pg_roles r WHERE rolname = 'pytake_app'`,
    );
    expect(rows).toEqual([{ may_rule: false, owned: [] }]);
    await sql.end();
  });

  it('brings a DATA_DIR of when there was one role along by itself, its jobs too', async () => {
    await product.stop();
    const { DATABASE_PASSWORD: password } = JSON.parse(await readFile(join(product.data_dir, 'secrets.json'), 'utf8')) as Record<
      string,
      string
    >;
    const server = await startEmbeddedPostgres({ dir: join(product.data_dir, 'postgres'), password });
    const before = await connect(server.url);
    // As the version before left it: the superuser owns everything, the jobs too, and there is no other role.
    await before.query(`
      INSERT INTO jobs.job (name, data, state) VALUES ('sweeper', '{"name": "old"}', 'failed');
      DELETE FROM jobs.slot;
      REASSIGN OWNED BY pytake_app TO pytake; DROP OWNED BY pytake_app; DROP ROLE pytake_app;
      ${UNGUARDED}`);
    await before.end();
    await server.stop();

    await product.boot();

    const sql = await embeddedSql(product.data_dir);
    const ana = await register(product);
    await ana('POST', '/contacts', NEW);
    expect((await actionsOf(sql)).filter((action) => action === 'contact.created')).toHaveLength(2);
    expect(await connected(sql)).toEqual(['pytake_app']);
    const failed = await sql.query("SELECT data ->> 'name' AS name FROM jobs.job WHERE state = 'failed'");
    expect(failed.rows).toEqual([{ name: 'old' }]);
    await until(async () => (await sql.query('SELECT FROM jobs.slot')).rowCount, 'a job that is repeated');
    await sql.end();
  });
});

describe('a PostgreSQL of one’s own', () => {
  const [name, owner, app] = [someName(), someName(), someName()];
  const admin_url = process.env.TEST_DATABASE_URL ?? '';
  const as = (username: string, password = 'secret'): string =>
    Object.assign(new URL(admin_url), { username, password, pathname: `/${name}` }).toString();
  const secrets = {
    NODE_ENV: 'test',
    JWT_SECRET: randomBytes(48).toString('base64'),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    META_APP_SECRET: randomBytes(16).toString('hex'),
    META_WEBHOOK_VERIFY_TOKEN: randomBytes(16).toString('hex'),
  };
  const both = { ...secrets, DATABASE_URL: as(app), DATABASE_OWNER_URL: as(owner) };
  let admin: Client;
  let product: Product | undefined;

  beforeAll(async () => {
    admin = await connect(admin_url);
    await admin.query(`CREATE ROLE ${owner} LOGIN PASSWORD 'secret'`);
    await admin.query(`CREATE DATABASE ${name} OWNER ${owner}`);
  });
  afterEach(async () => {
    await product?.end();
    product = undefined;
  });
  afterAll(async () => {
    await dropDatabase(admin_url, name);
    for (const role of [app, owner]) await admin.query(`DROP ROLE IF EXISTS ${role}`);
    await admin.end();
  });

  it('says what is missing where its owner may make no role', async () => {
    await expect(Product.start(both)).rejects.toThrow(`There is no role ${app} (DATABASE_URL)`);
  });

  it('is worked with as a role that its owner, no superuser, makes', async () => {
    await admin.query(`ALTER ROLE ${owner} CREATEROLE`);
    const alone = await Product.start({ ...secrets, DATABASE_URL: as(owner) });
    await alone.end();

    product = await Product.start(both);

    const ana = await register(product);
    await ana('POST', '/contacts', NEW);
    const sql = await connect(Object.assign(new URL(admin_url), { pathname: `/${name}` }).toString());
    expect(await connected(sql)).toEqual([app]);
    expect(await actionsOf(sql)).toContain('contact.created');
    await sql.end();
    const intruder = await connect(as(app));
    await expect(intruder.query('DELETE FROM audit_logs')).rejects.toThrow('permission denied');
    await intruder.end();
  });

  it('is not worked with while the two URLs name two databases', async () => {
    const another = someName();
    await admin.query(`CREATE DATABASE ${another} OWNER ${owner}`);
    const DATABASE_URL = Object.assign(new URL(as(app)), { pathname: `/${another}` }).toString();

    await expect(Product.start({ ...both, DATABASE_URL })).rejects.toThrow('is another database than that of DATABASE_OWNER_URL');

    await dropDatabase(admin_url, another);
  });

  it('lets that role look at tables as autovacuum does, and work with one that comes while it runs', async () => {
    const [working, migrating] = await Promise.all([connect(as(app)), connect(as(owner))]);
    const warned: (string | undefined)[] = [];
    working.on('notice', ({ message }) => warned.push(message));

    await working.query('ANALYZE contacts (id)');
    await migrating.query('CREATE TABLE come (id int PRIMARY KEY)');
    await working.query('INSERT INTO come VALUES (1); UPDATE come SET id = 2; DELETE FROM come');

    expect(warned).toEqual([]);
    await migrating.query('DROP TABLE come');
    await Promise.all([working.end(), migrating.end()]);
  });

  it('is served without its owner while no migration is pending', async () => {
    product = await Product.start({ ...secrets, DATABASE_URL: as(app) });
    await (
      await register(product)
    )('POST', '/contacts', NEW);
    await product.stop();
    const sql = await connect(as(owner));
    await sql.query(UNGUARDED);
    await sql.end();

    await expect(product.boot()).rejects.toThrow(/The role that runs the migrations may not: .*DATABASE_OWNER_URL/);
    expect((await runCommand('migrate', ['run'], both)).out).toContain('ran AuditGuards1795000682000');
    await product.boot();
  });

  it('is told of in one line where one of the two does not get in', async () => {
    await expect(Product.start({ ...both, DATABASE_URL: as(app, 'wrong') })).rejects.toThrow(
      /password authentication failed.* Look at DATABASE_URL\./,
    );
    await expect(Product.start({ ...both, DATABASE_OWNER_URL: as(owner, 'wrong') })).rejects.toThrow(
      /password authentication failed.* Look at DATABASE_OWNER_URL\./,
    );
  });
});
