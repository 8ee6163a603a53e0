import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { INHERITED } from './inherited';

/** What a command of the console said, and how it ended. */
export interface Said {
  code: number;
  out: string;
}

/** Runs `node dist/src/NAME.js` as `npm run` does after the build. Only `INHERITED` is inherited. */
export async function runCommand(name: 'admin' | 'backup' | 'migrate', args: string[], env: Record<string, string>): Promise<Said> {
  const child = spawn(process.execPath, [join(__dirname, '..', '..', 'src', `${name}.js`), ...args], {
    env: { ...INHERITED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, out };
}

/** The password that a first start or the admin command prints once. */
export const passwordOf = (out: string): string => /password\s+(\S+)/.exec(out)?.[1] ?? '';

/** A connection to the PostgreSQL of a running embedded PyTake. */
export async function embeddedSql(data_dir: string): Promise<Client> {
  const [, , , port] = (await readFile(join(data_dir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  const { DATABASE_PASSWORD } = JSON.parse(await readFile(join(data_dir, 'secrets.json'), 'utf8')) as { DATABASE_PASSWORD: string };
  const client = new Client({ connectionString: `postgresql://pytake:${DATABASE_PASSWORD}@127.0.0.1:${port}/pytake` });
  await client.connect();
  return client;
}
