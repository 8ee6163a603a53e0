import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  function config(settings: Record<string, string>): { status: number | null; stdout: string; stderr: string } {
    const [command, ...args] = compose ?? [];
    const file = join(dir, 'env');
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return spawnSync(command, [...args, '--env-file', file, '-f', join(ROOT, 'docker-compose.yml'), 'config'], { env, encoding: 'utf8' });
  }

  const secrets = { POSTGRES_PASSWORD: 'p-of-postgres', JWT_SECRET: 'j-of-jwt', ENCRYPTION_KEY: 'k-of-encryption' };
  const onCompose = (name: string, test: () => void): void =>
    it(name, () =>
      compose ? test() : void process.stderr.write('neither `docker compose` nor docker-compose is installed: its spec is skipped\n'),
    );

  onCompose('is accepted, with an API and a worker on PostgreSQL, Redis and MongoDB', () => {
    const { status, stdout, stderr } = config(secrets);

    expect({ status, stderr: status ? stderr : '' }).toEqual({ status: 0, stderr: '' });
    for (const service of ['api', 'worker', 'postgres', 'redis', 'mongo']) expect(stdout).toMatch(new RegExp(`^  ${service}:$`, 'm'));
    for (const role of ['api', 'worker']) expect(stdout).toMatch(new RegExp(`PROCESS_ROLE: "?${role}"?$`, 'm'));
    expect(stdout).toContain('postgres://pytake:p-of-postgres@postgres:5432/pytake');
  });

  onCompose('says which secret is missing instead of starting without it', () => {
    for (const name of Object.keys(secrets)) {
      const { status, stderr } = config({ ...secrets, [name]: '' });

      expect(status).not.toBe(0);
      expect(stderr).toContain(`set ${name} in .env`);
    }
  });
});
