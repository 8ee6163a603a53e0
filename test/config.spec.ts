import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEMO } from '#common/demo';
import { Config } from '#config/config';
import { ConfigError } from '#config/config-error';
import { INHERITED } from './support/inherited';
import { freePort } from './support/ports';
import { Product } from './support/product';

const MAIN = join(__dirname, '..', 'src', 'main.js');
const dir = mkdtempSync(join(tmpdir(), 'pytake-config-'));
const JWT_SECRET = 'q8Zr3Lw0XvT5nB1mY7cK2hJ9dS4fG6aP0eRuIoWz';
const ENCRYPTION_KEY = Buffer.from('kX2v9QmZ7rT4wY1uB6nC8sD3fG5hJ0lA').toString('base64');
const OTHER_KEY = Buffer.from('lA0hJ5fG3sD8nC6uB1wY4rT7mZ9vQ2kX').toString('base64');
const full = { DATABASE_URL: 'postgres://a:b@db/pytake', JWT_SECRET, ENCRYPTION_KEY, DATA_DIR: dir };

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const mistakes = (env: Record<string, string>): string[] => {
  try {
    new Config(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
};

const start = (env: Record<string, string>): { status: number | null; said: string } => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN], {
    env: { ...INHERITED, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, said: stderr };
};

/** As much of a PostgreSQL 14 as a client meets before its first answer: welcome, then its version to whatever is asked. */
async function oldPostgres(): Promise<{ url: string; server: Server }> {
  const message = (type: string, ...parts: (Buffer | string)[]): Buffer => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const ready = message('Z', 'I');
  const version = '14.18 (Debian)';
  const row = Buffer.concat([
    message('T', Buffer.from([0, 1]), 'server_version\0', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0])),
    message('D', Buffer.from([0, 1, 0, 0, 0, version.length]), version),
    message('C', 'SHOW\0'),
  ]);
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      socket.on('data', (asked) => (asked.toString('latin1', 0, 1) === 'Q' ? socket.write(Buffer.concat([row, ready])) : socket.end()));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `postgres://pytake@127.0.0.1:${(server.address() as AddressInfo).port}/pytake`, server };
}

describe('configuration', () => {
  it('has the contract’s defaults, and cannot be changed', () => {
    const config = new Config(full);

    expect(config).toMatchObject({
      port: 8000,
      host: '0.0.0.0',
      public_base_url: 'http://localhost:8000',
      process_role: 'all',
      access_token_ttl_seconds: 3600,
      refresh_token_ttl_days: 7,
      meta_graph_version: 'v25.0',
      embedded: false,
      simulator_enabled: false,
      demo: false,
      docs_enabled: true,
      audit_retention_days: 730,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    [{ PORT: 'abc' }, /^PORT is "abc"/],
    [{ NODE_ENV: 'prod' }, /^NODE_ENV is "prod"/],
    [{ RATE_LIMIT_GENERAL: '100' }, /^RATE_LIMIT_GENERAL/],
    [{ CORS_ORIGINS: 'app.example' }, /^CORS_ORIGINS/],
    [{ META_GRAPH_VERSION: '25' }, /^META_GRAPH_VERSION/],
    [{ PUBLIC_BASE_URL: 'ftp://a' }, /^PUBLIC_BASE_URL/],
    [{ ENCRYPTION_KEY: 'c2hvcnQ=' }, /^ENCRYPTION_KEY is not 32 random bytes/],
    [{ ENCRYPTION_KEYS_OLD: `${ENCRYPTION_KEY},short` }, /^ENCRYPTION_KEYS_OLD is not 32 random bytes/],
    [{ ENCRYPTION_KEYS: `one:${ENCRYPTION_KEY},one:${OTHER_KEY}` }, /^ENCRYPTION_KEYS has another key of the name "one"/],
    [{ ENCRYPTION_KEY: '', ENCRYPTION_KEYS_OLD: OTHER_KEY }, /^ENCRYPTION_KEY is missing/],
    [{ JWT_SECRET: 'change-me-please-change-me-please-now' }, /^JWT_SECRET is weak/],
    [{ PROCESS_ROLE: 'worker' }, /^REDIS_URL is missing/],
    [{ SUPER_ADMIN_EMAIL: 'a@b.example' }, /go together/],
    [{ SUPER_ADMIN_EMAIL: 'a@b.example', SUPER_ADMIN_PASSWORD: 'short' }, /^SUPER_ADMIN_PASSWORD is weak/],
    [{ SUPER_ADMIN_EMAIL: 'ana@padaria1.example', SUPER_ADMIN_PASSWORD: 'Ana@padaria1.example' }, /^SUPER_ADMIN_PASSWORD is weak/],
    [{ SUPER_ADMIN_EMAIL: 'ana', SUPER_ADMIN_PASSWORD: 'pao-de-queijo-1' }, /^SUPER_ADMIN_EMAIL is "ana"/],
    [{ REDIS_URL: 'redis:6379' }, /^REDIS_URL is not a URL/],
    [{ REDIS_URL: 'redis://cache:six' }, /^REDIS_URL is not a URL/],
    [{ MONGODB_URL: 'mongodb://' }, /^MONGODB_URL is not a URL/],
    [{ REGISTRATION_ENABLED: 'nope' }, /^REGISTRATION_ENABLED/],
    [{ NODE_ENV: 'production', TRUST_PROXY: 'true' }, /^TRUST_PROXY is "true": anybody could claim any address/],
    [{ TRUST_PROXY: 'yes' }, /^TRUST_PROXY contains "yes"/],
    [{ TRUST_PROXY: '11' }, /^TRUST_PROXY is "11"/],
    [{ TRUST_PROXY: '0.0.0.0/0' }, /^TRUST_PROXY contains "0.0.0.0\/0"/],
    [{ TRUST_PROXY: '10.0.0.1, 10.0.0' }, /^TRUST_PROXY contains "10.0.0"/],
  ])('%j is one mistake', (env: Record<string, string>, words) => {
    expect(mistakes({ ...full, ...env })).toEqual([expect.stringMatching(words)]);
  });

  it('has a ring of encryption keys, the newest first, each once', () => {
    const ids = (env: Record<string, string>): string[] =>
      new Config({ ...full, ...env }).encryption_keys.map(
        ({ id, key }) => `${id.length === 8 ? '' : id}${key.toString('base64').slice(0, 4)}`,
      );

    expect(ids({})).toEqual(['a1gy']);
    expect(ids({ ENCRYPTION_KEYS_OLD: `${OTHER_KEY}, ${ENCRYPTION_KEY}` })).toEqual(['a1gy', 'bEEw']);
    expect(ids({ ENCRYPTION_KEYS: `2027:${OTHER_KEY},2026:${ENCRYPTION_KEY}` })).toEqual(['2027bEEw', '2026a1gy']);
    expect(ids({ ENCRYPTION_KEYS: OTHER_KEY })).toEqual(['bEEw', 'a1gy']);
  });

  it('rotates the key that the embedded profile made, where another one is given', () => {
    const [made] = new Config({ DATA_DIR: dir }).encryption_keys;
    const { encryption_keys } = new Config({ DATA_DIR: dir, ENCRYPTION_KEY: OTHER_KEY });

    expect(encryption_keys.map(({ key }) => key.toString('base64'))).toEqual([OTHER_KEY, made.key.toString('base64')]);
  });

  it.each([
    [undefined, false],
    ['false', false],
    ['true', true],
    ['2', 2],
    ['loopback', ['loopback']],
    ['10.0.0.5, 172.16.0.0/12, fd00::/8', ['10.0.0.5', '172.16.0.0/12', 'fd00::/8']],
  ])('takes %s as TRUST_PROXY', (TRUST_PROXY, trust_proxy) => {
    expect(new Config({ ...full, TRUST_PROXY })).toMatchObject({ trust_proxy });
  });

  it('knows who owns the tables: another role of the same database, or the one it works as', () => {
    const DATABASE_OWNER_URL = 'postgres://owner:b@db/pytake';

    expect(new Config(full).database_owner_url).toBe(full.DATABASE_URL);
    expect(new Config({ ...full, DATABASE_OWNER_URL })).toMatchObject({
      database_url: full.DATABASE_URL,
      database_owner_url: DATABASE_OWNER_URL,
    });
    expect(mistakes({ ...full, DATABASE_OWNER_URL: 'postgres://a:c@db.internal/pytake' })).toEqual([
      expect.stringContaining('DATABASE_URL and DATABASE_OWNER_URL name one role') as string,
    ]);
    expect(mistakes({ DATA_DIR: dir, DATABASE_OWNER_URL })).toEqual([
      expect.stringContaining('DATABASE_OWNER_URL is set and DATABASE_URL is not') as string,
    ]);
  });

  it('takes the several hosts of a MongoDB replica set', () => {
    const MONGODB_URL = 'mongodb://pytake:a%2Cb@m1:27017,m2:27017/pytake?replicaSet=rs';

    expect(new Config({ ...full, MONGODB_URL }).mongodb_url).toBe(MONGODB_URL);
  });

  it('keeps files in a directory, or in a bucket that is named whole', () => {
    const bucket = { MEDIA_STORAGE: 's3', S3_BUCKET: 'files', S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'key' };

    expect(new Config({ ...full, MEDIA_STORAGE: '/srv/files' })).toMatchObject({ media_storage: '/srv/files', s3: null });
    expect(new Config({ ...full, MEDIA_STORAGE: 'local' })).toMatchObject({ media_storage: join(dir, 'media'), s3: null });
    expect(new Config({ ...full, ...bucket, S3_REGION: 'sa-east-1' })).toMatchObject({
      media_storage: join(dir, 'media'),
      s3: { endpoint: null, region: 'sa-east-1', bucket: 'files', access_key_id: 'id', secret_access_key: 'key', force_path_style: false },
    });
    expect(new Config({ ...full, ...bucket, S3_ENDPOINT: 'https://minio.example/' }).s3).toMatchObject({
      endpoint: 'https://minio.example',
      force_path_style: true,
    });
    expect(mistakes({ ...full, MEDIA_STORAGE: 's3' }).map((mistake) => mistake.split(':')[0])).toEqual([
      'S3_BUCKET is missing',
      'S3_ACCESS_KEY_ID is missing',
      'S3_SECRET_ACCESS_KEY is missing',
      'S3_REGION is missing',
    ]);
    expect(mistakes({ ...full, ...bucket, S3_ENDPOINT: 'minio.example' })).toEqual([expect.stringContaining('S3_ENDPOINT is not a URL')]);
    expect(mistakes({ ...full, MEDIA_STORAGE: 's3://files' })).toEqual([expect.stringContaining('MEDIA_STORAGE is "s3://files"')]);
    expect(new Config({ ...full, S3_BUCKET: 'files' }).warnings).toEqual([expect.stringContaining('S3_BUCKET is not used')]);
  });

  it('warns of variables that look like ours and are not', () => {
    const { warnings } = new Config({
      ...full,
      RATE_LIMT_GENERAL: '1/60',
      RATE_LIMIT_LOGIN: '1/60',
      META_APP_SECRETT: 'x',
      DATABSE_URL: 'x',
      HOME: '/root',
      HOSTNAME: 'here',
      npm_config_cache: '/tmp',
    });

    expect(warnings).toEqual([
      'RATE_LIMT_GENERAL is not read, did you mean RATE_LIMIT_GENERAL?',
      expect.stringMatching(/^RATE_LIMIT_LOGIN is not read/),
      'META_APP_SECRETT is not read, did you mean META_APP_SECRET?',
      'DATABSE_URL is not read, did you mean DATABASE_URL?',
    ]);
  });

  it('runs production on the embedded PostgreSQL when told so, without demo and simulator', () => {
    const config = new Config({ NODE_ENV: 'production', EMBEDDED_IN_PRODUCTION: 'true', DATA_DIR: dir });

    expect(config).toMatchObject({ production: true, embedded: true, demo: false, simulator_enabled: false, docs_enabled: false });
    expect(config.jwt_secret).toBe(new Config({ DATA_DIR: dir }).jwt_secret);
  });

  it('names every missing secret of production at once', () => {
    const all = mistakes({ NODE_ENV: 'production', DATA_DIR: dir, SIMULATOR_ENABLED: 'true' });

    expect(all.map((line) => line.split(' ')[0])).toEqual(['JWT_SECRET', 'ENCRYPTION_KEY', 'DATABASE_URL', 'SIMULATOR_ENABLED']);
  });

  it('makes the embedded profile’s secrets once, for the owner alone', () => {
    const first = new Config({ DATA_DIR: dir });
    const second = new Config({ DATA_DIR: dir });

    expect(second.jwt_secret).toBe(first.jwt_secret);
    expect(second.encryption_key).toEqual(first.encryption_key);
    expect(statSync(join(dir, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  it('refuses to go on with a secrets file it cannot read', () => {
    const broken = mkdtempSync(join(tmpdir(), 'pytake-config-'));
    writeFileSync(join(broken, 'secrets.json'), '{');

    expect(mistakes({ DATA_DIR: broken })).toEqual([expect.stringContaining('secrets.json')]);
    rmSync(broken, { recursive: true });
  });
});

describe('the start', () => {
  it('ends with one line per mistake and no stack', () => {
    const { status, said } = start({ ...full, PORT: 'abc', LOG_LEVEL: 'loud' });

    expect(status).toBe(1);
    expect(said.trim().split('\n')).toEqual([
      expect.stringContaining('2 settings are wrong'),
      expect.stringContaining('PORT'),
      expect.stringContaining('LOG_LEVEL'),
    ]);
  });

  const serverUrl = (change: (url: URL) => void): string => {
    const url = new URL(process.env.TEST_DATABASE_URL ?? '');
    change(url);
    return url.toString();
  };

  it.each([
    [
      'a wrong password',
      serverUrl((url) => (url.password = 'wrong')),
      /^PostgreSQL postgres at \S+ as \w+: password authentication failed/,
    ],
    ['a database there is not', serverUrl((url) => (url.pathname = '/nowhere')), /^PostgreSQL nowhere at .*"nowhere" does not exist/],
  ])('says in one line: %s', (_, DATABASE_URL, words) => {
    const { status, said } = start({ ...full, DATABASE_URL });

    expect(status).toBe(1);
    expect(said.trim()).toMatch(words);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  it('waits a little for a PostgreSQL that does not answer, then says which', async () => {
    const { status, said } = start({ ...full, DATABASE_URL: `postgres://pytake:s3cret@127.0.0.1:${await freePort()}/pytake` });

    expect(status).toBe(1);
    expect(said.trim().split('\n')).toEqual([
      expect.stringMatching(/^PostgreSQL pytake at 127.0.0.1:\d+ as pytake: connect ECONNREFUSED .* Waiting/),
      expect.stringMatching(/^PostgreSQL pytake at 127.0.0.1:\d+ as pytake: connect ECONNREFUSED .* Look at DATABASE_URL\.$/),
    ]);
    expect(said).not.toContain('s3cret');
  }, 60_000);

  it('refuses a PostgreSQL that is too old', async () => {
    const old = await oldPostgres();
    const child = spawn(process.execPath, [MAIN], { env: { ...INHERITED, ...full, DATABASE_URL: old.url } });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    old.server.close();

    expect({ status, said: said.trim() }).toEqual({
      status: 1,
      said: expect.stringContaining('it is version 14.18 (Debian), PyTake needs 15 or newer') as string,
    });
  });

  it('says in one line that its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const child = spawn(process.execPath, [MAIN], {
      env: { ...INHERITED, ...full, DATABASE_URL: process.env.TEST_DATABASE_URL, PORT: String(port), HOST: '127.0.0.1' },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    other.close();

    expect({ status, said }).toEqual({
      status: 1,
      said: `Port ${port} is in use. Stop what runs there, or start PyTake with another PORT.\n`,
    });
  });

  it('says in one line that files cannot be kept', () => {
    const file = join(dir, 'a-file');
    writeFileSync(file, '');
    const DATABASE_URL = process.env.TEST_DATABASE_URL ?? '';

    expect(start({ ...full, DATABASE_URL, MEDIA_STORAGE: join(file, 'media') }).said).toMatch(
      /1 setting is wrong:\n {2}- MEDIA_STORAGE .*\n$/,
    );
    expect(start({ DATA_DIR: join(file, 'data') }).said).toMatch(/^Cannot write in DATA_DIR .*\n$/);
  });

  it('says so too where the system makes no directories, instead of asking for ever', () => {
    const DATABASE_URL = process.env.TEST_DATABASE_URL ?? '';

    expect(start({ DATA_DIR: '/proc/no/data' })).toEqual({ status: 1, said: expect.stringMatching(/^Cannot write in DATA_DIR .*\n$/) });
    expect(start({ ...full, DATABASE_URL, MEDIA_STORAGE: '/proc/no/media' }).said).toMatch(
      /1 setting is wrong:\n {2}- MEDIA_STORAGE .*\n$/,
    );
  });

  it('makes the demo once, keeps everything, survives kill -9, and refuses a second process', async () => {
    const product = await Product.start();
    const email = /e-mail\s+(\S+)/.exec(product.output)?.[1];
    const { password } = product;
    const signIn = (): Promise<Response> =>
      fetch(`${product.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password }),
      });
    const { access_token } = (await (await signIn()).json()) as { access_token: string };
    // Whoever looks at its number by QR code can scan it at once.
    expect(await product.call('GET', `/whatsapp/${DEMO.qrcode_number_id}/qrcode`, undefined, access_token)).toMatchObject({
      status: 'pending',
      qr_code: expect.stringMatching(/^data:image\/png;base64,.{500,}/) as string,
      code: expect.stringMatching(/^2@/) as string,
    });

    // Who has read the source knows no address to post its customers' messages to.
    const number = await product.call('GET', `/whatsapp/${DEMO.qrcode_number_id}`, undefined, access_token);
    expect(number).toMatchObject({ webhook_callback_url: expect.stringMatching(/evolution\/[0-9a-f-]{36}$/) as string });
    expect(JSON.stringify(number)).not.toMatch(new RegExp(`${DEMO.webhook_token}|demo-qrcode-number`));

    const second = start({ DATA_DIR: product.data_dir, PORT: '0' });
    expect(second).toMatchObject({ status: 1, said: expect.stringContaining(product.data_dir) });

    await product.stop('SIGKILL');
    await product.boot();
    expect(product.output).not.toMatch(/password/);
    expect((await signIn()).status).toBe(200);

    expect(await product.stop('SIGINT')).toBe(0);
    await product.boot();
    expect((await signIn()).status).toBe(200);
    await product.end();
  }, 120_000);
});
