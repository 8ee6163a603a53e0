import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { json } from 'node:stream/consumers';
import { Client } from 'pg';
import { io } from 'socket.io-client';
import { createDatabase, dropDatabase } from './support/postgres';
import { freePort } from './support/ports';
import { Product } from './support/product';
import { type TestRedis, startRedis } from './support/redis';

const CADDYFILE = resolve(__dirname, '..', '..', 'Caddyfile');
const installed = spawnSync('caddy', ['version']).status === 0;
if (!installed && process.env.CI === 'true') throw new Error('caddy is not installed');

/** The Caddyfile of docker-compose.yml in front of two API processes. */
describe('behind Caddy', () => {
  const name = `pytake_proxy_${randomBytes(5).toString('hex')}`;
  const dir = mkdtempSync(join(tmpdir(), 'pytake-caddy-'));
  const ana = { email: 'ana@padaria.example', password: 'pao-de-queijo-1', full_name: 'Ana Souza', organization_name: 'Padaria Central' };
  let redis: TestRedis | null = null;
  let apis: Product[] = [];
  let caddy: ChildProcess | undefined;
  let url: string;
  let token: string;

  beforeAll(async () => {
    redis = installed ? await startRedis() : null;
    if (!redis) return;
    const env = {
      NODE_ENV: 'test',
      PROCESS_ROLE: 'api',
      TRUST_PROXY: '1',
      DATABASE_URL: await createDatabase(process.env.TEST_DATABASE_URL ?? '', name),
      DATABASE_POOL_SIZE: '5',
      REDIS_URL: redis.url,
      JWT_SECRET: randomBytes(48).toString('base64'),
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    };
    apis = await Promise.all([Product.start(env), Product.start(env)]);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    // Docker's names are not here: the processes are named instead. All else is the file as it ships.
    const to = apis.map((api) => new URL(api.url).host).join(' ');
    const file = readFileSync(CADDYFILE, 'utf8').replace(/dynamic a api 8000 \{[^}]*\}/, `to ${to}`);
    expect(file).toContain(to);
    writeFileSync(join(dir, 'Caddyfile'), `{\n\tadmin off\n}\n${file}`);
    caddy = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', join(dir, 'Caddyfile')], {
      env: { PATH: process.env.PATH, HOME: dir, SITE_ADDRESS: `:${port}` },
      stdio: 'ignore',
    });
    while ((await fetch(`${url}/api/v1/health`).catch(() => null))?.status !== 200) await sleep(50);
    token = (await call('POST', '/auth/register', ana)).access_token as string;
  }, 120_000);

  afterAll(async () => {
    caddy?.kill();
    await Promise.all(apis.map((api) => api.end()));
    await redis?.destroy();
    if (redis) await dropDatabase(process.env.TEST_DATABASE_URL ?? '', name);
    rmSync(dir, { recursive: true, force: true });
  });

  /** Through the proxy, from an address of one's own. */
  async function call(method: string, path: string, body?: object, from = '127.0.0.1', headers = {}): Promise<Record<string, unknown>> {
    const sent = request(`${url}/api/v1${path}`, {
      method,
      localAddress: from,
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
    }).end(body && JSON.stringify(body));
    const [response] = await new Promise<Parameters<Parameters<typeof request>[2] & object>>((answered, failed) =>
      sent.once('response', (response) => answered([response])).once('error', failed),
    );
    const answer = (await json(response)) as Record<string, unknown>;
    if (response.statusCode !== 200 && response.statusCode !== 201) throw new Error(`${response.statusCode}: ${JSON.stringify(answer)}`);
    return answer;
  }

  const onCaddy = (title: string, test: () => Promise<void>): void =>
    it(title, async () => {
      if (redis) return test();
      process.stderr.write('caddy or redis-server is not installed: the proxy spec is skipped\n');
    });

  onCaddy('the Caddyfile is valid as it ships, for a domain and for none', async () => {
    for (const env of [{}, { SITE_ADDRESS: 'pytake.example.com', TRUSTED_PROXIES: '173.245.48.0/20 2400:cb00::/32' }])
      expect(
        spawnSync('caddy', ['validate', '--adapter', 'caddyfile', '--config', CADDYFILE], {
          env: { PATH: process.env.PATH, HOME: dir, ...env },
        }),
      ).toMatchObject({ status: 0 });
  });

  onCaddy('requests reach every process', async () => {
    for (let n = 0; n < 10; n++) await call('GET', '/auth/me');

    for (const api of apis) {
      const metrics = await (await fetch(`${api.url}/observability/metrics`)).text();
      expect(metrics).toMatch(/http_requests_total\{method="GET",route="\/api\/v1\/auth\/me",status="200"\} [1-9]/);
    }
  });

  onCaddy('PyTake knows the client’s address, whatever the client claims', async () => {
    await call('POST', '/auth/login', ana, '127.0.0.9', { 'x-forwarded-for': '6.6.6.6' });

    const sql = new Client({
      connectionString: Object.assign(new URL(process.env.TEST_DATABASE_URL ?? ''), { pathname: `/${name}` }).toString(),
    });
    await sql.connect();
    const { rows } = await sql.query('SELECT last_login_ip FROM users WHERE email = $1', [ana.email]);
    await sql.end();
    expect(rows).toEqual([{ last_login_ip: '127.0.0.9' }]);
  });

  onCaddy('sockets pass, to every process', async () => {
    for (let n = 0; n < 4; n++) {
      const socket = io(url, { auth: { token }, transports: ['websocket'], forceNew: true });
      await new Promise<void>((connected, failed) => socket.once('connect', connected).once('connect_error', failed));
      socket.close();
    }
  });

  onCaddy('a process that ends is not noticed', async () => {
    await apis[0].stop('SIGKILL');

    for (let n = 0; n < 10; n++) expect(await call('GET', '/auth/me')).toMatchObject({ email: ana.email });
  });
});
