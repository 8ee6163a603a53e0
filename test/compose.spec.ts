import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '..', '..');
/** Only what compose itself needs: a secret of this machine must not fill a gap in the file. */
const env = { PATH: process.env.PATH, HOME: process.env.HOME };
/** The plugin of today, or Debian's script of old. */
const compose = [['docker', 'compose'], ['docker-compose']].find(
  ([command, ...args]) => spawnSync(command, [...args, 'version'], { env }).status === 0,
);

describe('docker-compose.yml', () => {
  const dir = mkdtempSync(join(tmpdir(), 'pytake-compose-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  // Compose reads .env beside the file twice: to fill in the file, and for the containers.
  copyFileSync(join(ROOT, 'docker-compose.yml'), join(dir, 'docker-compose.yml'));

  function config(settings: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
    const [command, ...args] = compose ?? [];
    writeFileSync(
      join(dir, '.env'),
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return spawnSync(command, [...args, 'config'], { cwd: dir, env, encoding: 'utf8' });
  }

  const secrets = { POSTGRES_PASSWORD: 'p-of-postgres', JWT_SECRET: 'j-of-jwt', ENCRYPTION_KEY: 'k-of-encryption' };
  const onCompose = (name: string, test: () => void): void =>
    it(name, () =>
      compose ? test() : void process.stderr.write('neither `docker compose` nor docker-compose is installed: its spec is skipped\n'),
    );

  onCompose('is accepted, with an API behind Caddy and a worker, on PostgreSQL, Redis and MongoDB', () => {
    const { status, stdout, stderr } = config(secrets);

    expect({ status, stderr: status ? stderr : '' }).toEqual({ status: 0, stderr: '' });
    for (const service of ['proxy', 'api', 'worker', 'postgres', 'redis', 'mongo'])
      expect(stdout).toMatch(new RegExp(`^  ${service}:$`, 'm'));
    for (const role of ['api', 'worker']) expect(stdout).toMatch(new RegExp(`PROCESS_ROLE: "?${role}"?$`, 'm'));
    expect(stdout).toContain('DATABASE_OWNER_URL: postgres://pytake:p-of-postgres@postgres:5432/pytake');
    expect(stdout).toContain('DATABASE_URL: postgres://pytake_app:p-of-postgres@postgres:5432/pytake');
  });

  onCompose('says which secret is missing instead of starting without it', () => {
    for (const name of Object.keys(secrets)) {
      const { status, stderr } = config({ ...secrets, [name]: '' });

      expect(status).not.toBe(0);
      expect(stderr).toContain(`set ${name} in .env`);
    }
  });

  onCompose('gives every variable of README to both kinds of processes', () => {
    /** What the containers know better. */
    const own = ['PORT', 'HOST', 'NODE_ENV', 'DATA_DIR', 'PROCESS_ROLE', 'DATABASE_URL', 'DATABASE_OWNER_URL', 'REDIS_URL', 'MONGODB_URL'];
    const table = /\n## Configuration\n([^]*?)\n## /.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';
    const documented = [...table.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name).filter((name) => !own.includes(name));
    const given = { ...Object.fromEntries(documented.map((name) => [name, `given-${name.toLowerCase()}`])), ...secrets };

    const { stdout } = config(given);

    expect(documented.length).toBeGreaterThan(30);
    for (const service of ['api', 'worker']) {
      const block = new RegExp(`^  ${service}:\\n((?:    .*\\n)+)`, 'm').exec(stdout)?.[1] ?? '';
      const missing = Object.entries(given).filter(
        ([name, value]) => name !== 'POSTGRES_PASSWORD' && !new RegExp(`^ +${name}: "?${value}"?$`, 'm').test(block),
      );
      expect({ service, missing }).toEqual({ service, missing: [] });
      expect(block).toMatch(/^ +NODE_ENV: "?production"?$/m);
    }
  });

  onCompose('publishes the proxy alone, so that --scale api=2 has no port to quarrel over, and trusts exactly that proxy', () => {
    const { stdout } = config(secrets);

    expect(stdout.match(/^ +ports:$/gm)).toHaveLength(1);
    expect(stdout).toMatch(/^ +TRUST_PROXY: '?"?1"?'?$/m);
    expect(stdout).toMatch(/^ +SITE_ADDRESS: :80$/m);
    expect(config({ ...secrets, SITE_ADDRESS: 'pytake.example.com' }).stdout).toMatch(/^ +SITE_ADDRESS: pytake\.example\.com$/m);
  });
});
