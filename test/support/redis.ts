import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Ends the server; what was written stays for `restart`. */
  stop(): Promise<void>;
  /** The same port, the same data. */
  restart(): Promise<void>;
  /** Ends the server and forgets its data. */
  destroy(): Promise<void>;
}

/** A real redis-server (Debian's) on a free port, with 64 databases so that each test can have its own. Null, with the reason printed, where it is not installed; in CI that is an error. */
export async function startRedis(): Promise<TestRedis | null> {
  const binary = await findOnPath('redis-server');
  if (!binary) {
    const reason = 'redis-server is not installed (apt-get install redis-server): specs on Redis are skipped';
    if (process.env.CI === 'true') throw new Error(reason);
    process.stderr.write(`${reason}\n`);
    return null;
  }

  const dir = await mkdtemp(join(tmpdir(), 'pytake-redis-'));
  const port = await freePort();
  let server: ChildProcess | null = null;

  const start = async () => {
    const started = spawn(
      binary,
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--dir',
        dir,
        '--databases',
        '64',
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--loglevel',
        'warning',
      ],
      { stdio: 'ignore' },
    );
    server = started;
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`);
      await sleep(20);
    }
  };
  const stop = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  };
  // A spec that dies must not leave its server behind.
  process.once('exit', () => server?.kill('SIGKILL'));

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    destroy: async () => {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function findOnPath(name: string): Promise<string | null> {
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']) {
    const path = join(dir || '.', name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}

/** PING as text: a Redis that still loads its file answers an error. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
