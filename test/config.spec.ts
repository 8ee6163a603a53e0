import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Config, ConfigError } from '#config/config';
import { Product } from './support/product';

const dir = mkdtempSync(join(tmpdir(), 'pytake-config-'));
const JWT_SECRET = 'q8Zr3Lw0XvT5nB1mY7cK2hJ9dS4fG6aP0eRuIoWz';
const ENCRYPTION_KEY = Buffer.from('kX2v9QmZ7rT4wY1uB6nC8sD3fG5hJ0lA').toString('base64');
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
  const { status, stderr } = spawnSync(process.execPath, [join(__dirname, '..', 'src', 'main.js')], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  return { status, said: stderr };
};

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
    [{ JWT_SECRET: 'change-me-please-change-me-please-now' }, /^JWT_SECRET is weak/],
    [{ PROCESS_ROLE: 'worker' }, /^REDIS_URL is missing/],
    [{ SUPER_ADMIN_EMAIL: 'a@b.example' }, /go together/],
    [{ SUPER_ADMIN_EMAIL: 'a@b.example', SUPER_ADMIN_PASSWORD: 'short' }, /^SUPER_ADMIN_PASSWORD is weak/],
  ])('%j is one mistake', (env: Record<string, string>, words) => {
    expect(mistakes({ ...full, ...env })).toEqual([expect.stringMatching(words)]);
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

  it('makes the demo once, keeps everything, survives kill -9, and refuses a second process', async () => {
    const product = await Product.start();
    const email = /e-mail\s+(\S+)/.exec(product.output)?.[1];
    const password = /password\s+(\S+)/.exec(product.output)?.[1];
    const signIn = (): Promise<Response> =>
      fetch(`${product.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password }),
      });
    expect((await signIn()).status).toBe(200);

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
