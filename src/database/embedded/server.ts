import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries';
import { ENVIRONMENT, message, run, windows } from './programs';
import { command, type RunAs } from './run-as';
import { FAST_SHUTDOWN_MS, QUIT_MS, signal } from './signal';

/** Crash recovery after a long write burst takes minutes on a slow disk. */
const START_TIMEOUT_MS = 300_000;

/** For a small machine that must lose nothing. `settings` wins over these. */
const DEFAULTS: Record<string, string> = {
  // The product's promise (00-platform §7.1): a commit is on the disk before we say so.
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '100',
  shared_buffers: '128MB',
  // A burst of webhooks fits without waiting for a WAL write; checkpoints are rare and spread, so that few commits meet one.
  wal_buffers: '16MB',
  checkpoint_timeout: '15min',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  random_page_cost: '1.1',
  // Four helper processes less: for reads of what is not in memory, and for subscriptions.
  io_method: 'sync',
  max_logical_replication_workers: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The server's own life and its fatal errors. A failed statement is told to the one who sent it; here it would put customers' data into the log.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '',
  log_destination: 'stderr',
  logging_collector: 'off',
  lc_messages: 'C',
};

export interface Server {
  port: number;
  pid: number;
  /** Fast shutdown: open transactions are rolled back, everything committed is on the disk. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when the server ends without `stop()`; never otherwise. */
  exited: Promise<void>;
}

export async function launchOnPort(
  binaries: Binaries,
  dir: string,
  tag: string,
  as: RunAs,
  options: { port?: number; settings?: Record<string, string> },
  log: (line: string) => void,
): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const settings = {
      ...DEFAULTS,
      ...options.settings,
      cluster_name: tag,
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
    };
    const result = await launch(binaries, dir, port, settings, as, log);
    if (!Array.isArray(result)) return result;
    // Between choosing and binding, someone else may take the port.
    const taken = result.some((line) => line.includes('could not bind'));
    if (taken && options.port !== undefined)
      throw new Error(`PostgreSQL cannot listen on 127.0.0.1:${port}: another program does. Choose another port.`);
    if (!taken || attempt === 5) throw new Error(`PostgreSQL did not start on ${dir}: ${result.slice(-5).join(' ') || 'it said nothing.'}`);
  }
}

/** A running server, or the last lines of one that did not come up. */
async function launch(
  binaries: Binaries,
  dir: string,
  port: number,
  settings: Record<string, string>,
  as: RunAs,
  log: (line: string) => void,
): Promise<Server | string[]> {
  const [program, args, spawnOptions] = command(
    binaries.postgres,
    ['-D', dir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    as,
  );
  // Detached: Ctrl-C reaches the whole process group of the terminal, and PyTake is to close before its database.
  const child = spawn(program, args, { ...spawnOptions, detached: !windows, windowsHide: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
      log(line);
    });
  // `close` comes after `exit`, when the last line has been read too.
  const ended = once(child, 'exit').catch(() => undefined);
  const closed = once(child, 'close').catch((error: unknown) => lines.push(message(error)));

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopServer(binaries, dir, as, child, closed));
  // When PyTake leaves without stop(), e.g. by process.exit in an emergency, the server at least hears of it.
  const leave = (): void => void (child.pid && running(child) && signal(binaries, as, child.pid, 'INT'));
  process.once('exit', leave);
  const exited = new Promise<void>((tell) => {
    void ended.then(() => {
      process.off('exit', leave);
      if (!stopping) tell();
    });
  });

  for (const end = Date.now() + START_TIMEOUT_MS; running(child); await Promise.race([sleep(10), closed])) {
    if (await isReady(dir, child.pid)) return { port, pid: child.pid ?? 0, stop, exited };
    if (Date.now() < end) continue;
    await stop();
    return [`it was not ready after ${START_TIMEOUT_MS / 1000} seconds.`, ...lines];
  }
  await closed;
  return lines;
}

/** Its pid file says so in line 8; a connection could reach another program's server on that port. */
async function isReady(dir: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
}

async function stopServer(binaries: Binaries, dir: string, as: RunAs, child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  const within = (ms: number): Promise<unknown> => {
    const giveUp = new AbortController();
    return Promise.race([closed, sleep(ms, undefined, { signal: giveUp.signal })]).finally(() => giveUp.abort());
  };
  if (windows && running(child)) {
    await run(binaries.pg_ctl, ['stop', '-D', dir, '-m', 'fast', '-w', '-t', String(FAST_SHUTDOWN_MS / 1000)], { env: ENVIRONMENT }).catch(
      () => undefined,
    );
    await within(QUIT_MS);
  }
  for (const [name, ms] of [
    ['INT', FAST_SHUTDOWN_MS],
    ['QUIT', QUIT_MS],
    ['KILL', QUIT_MS],
  ] as const) {
    if (!running(child)) break;
    if (child.pid) await signal(binaries, as, child.pid, name);
    await within(ms);
  }
}

const running = (child: ChildProcess): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
