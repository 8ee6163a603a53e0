import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeDirectory } from '#config/make-directory';

const run = promisify(execFile);

export interface DataDirLock {
  /** Lets another process have the directory. Safe to call twice. */
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  /** Tells this process from a later one that was given the same pid. */
  started: string;
}

/** Another live process has the directory; its message is one line for the console. */
export class DataDirInUse extends Error {}

/** `pytake.lock.<n>`; only the highest n counts. */
const LOCK = /^pytake\.lock\.(\d+)$/;

/**
 * Makes this process the only PyTake on a DATA_DIR until `release()` or its death.
 *
 * A lock is a numbered file, made in one step with its content by link(2); it is held while the process it names lives. A dead process's lock is
 * never removed to make room (whoever removes may be removing the lock of one that was faster): the next number is taken instead, and only one can.
 *
 * @throws {DataDirInUse} Another live process has the directory.
 */
export async function lockDataDir(dir: string): Promise<DataDirLock> {
  const root = resolve(dir);
  const started = await startOf(process.pid);
  const me: Holder = { pid: process.pid, started: started ?? 'unknown' };
  const draft = join(root, `pytake.lock.draft-${process.pid}-${randomBytes(4).toString('hex')}`);
  const file = (n: number): string => join(root, `pytake.lock.${n}`);

  try {
    makeDirectory(root);
    await writeFile(draft, JSON.stringify(me), { flag: 'wx', mode: 0o644 });
  } catch (error) {
    throw new Error(
      `Cannot write in DATA_DIR ${root} (${message(error)}). Make it writable for this user, or set DATA_DIR to another directory.`,
      { cause: error },
    );
  }

  try {
    for (;;) {
      const highest = await highestLock(root);
      const holder = highest === 0 ? null : await readHolder(file(highest));
      if (holder && (await lives(holder))) throw new DataDirInUse(inUse(root, holder));

      const mine = highest + 1;
      try {
        await link(draft, file(mine));
      } catch (error) {
        if (code(error) !== 'EEXIST') throw error;
        continue; // Another process took this number first; look at who it is.
      }
      // A directory read while a faster process renewed its lock may have shown neither of the two: then there is a higher number now, and it counts.
      if ((await highestLock(root)) !== mine) {
        await rm(file(mine), { force: true });
        await sleep(20);
        continue;
      }

      await removeBelow(root, mine);
      // Emptied, not removed: the number must go on counting for a process that is looking at it right now.
      return { release: () => truncate(file(mine)).catch(() => undefined) };
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * When a process started, as an opaque word that no other process with that pid has; null when there is none (a zombie is none).
 * The word is 'unknown' where the system does not tell.
 */
async function startOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    if (stat === null) return exists(pid) ? 'unknown' : null;
    // Field 2 is the program's name in brackets and may hold anything; what follows it is state (3) to starttime (22), in ticks since boot.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    return `${boot.trim()}/${fields[19]}`;
  }
  if (!exists(pid)) return null;
  const [command, args] =
    process.platform === 'win32'
      ? ['powershell.exe', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`]]
      : ['ps', ['-o', 'lstart=', '-p', String(pid)]];
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  const said = await run(command, args, process.platform === 'win32' ? {} : { env }).catch(() => null);
  return said?.stdout.trim() || 'unknown';
}

async function lives(holder: Holder): Promise<boolean> {
  const started = await startOf(holder.pid);
  return started !== null && (started === holder.started || started === 'unknown' || holder.started === 'unknown');
}

/** Null: released, or gone meanwhile. */
async function readHolder(file: string): Promise<Holder | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (code(error) === 'ENOENT') return '';
    throw error;
  });
  try {
    const { pid, started } = JSON.parse(text) as Partial<Holder>;
    return Number.isInteger(pid) && Number(pid) > 0 && typeof started === 'string' ? { pid: Number(pid), started } : null;
  } catch {
    return null; // Empty, or torn by a power cut; no process survived that.
  }
}

async function highestLock(dir: string): Promise<number> {
  return Math.max(0, ...(await readdir(dir)).map((name) => Number(LOCK.exec(name)?.[1] ?? 0)));
}

/** The locks of the dead, and what they left when they died before they had one. */
async function removeBelow(dir: string, mine: number): Promise<void> {
  for (const name of await readdir(dir)) {
    const n = Number(LOCK.exec(name)?.[1] ?? mine);
    const drafter = Number(/^pytake\.lock\.draft-(\d+)-/.exec(name)?.[1] ?? process.pid);
    if (n < mine || (drafter !== process.pid && !exists(drafter))) await rm(join(dir, name), { force: true });
  }
}

function inUse(dir: string, holder: Holder): string {
  const who = holder.pid === process.pid ? `this process already (pid ${holder.pid})` : `another PyTake (pid ${holder.pid})`;
  return `DATA_DIR ${dir} is in use by ${who}. Stop that one first, or set DATA_DIR to another directory.`;
}

/** Signal 0 asks only; EPERM means it is there and belongs to someone else. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return code(error) === 'EPERM';
  }
}

const code = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
