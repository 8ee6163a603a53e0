import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries';
import { ENVIRONMENT, exists, run, windows } from './programs';
import type { RunAs } from './run-as';
import { FAST_SHUTDOWN_MS, QUIT_MS, signal } from './signal';

/** The cluster's name, shown in the title of each of its processes; made of the directory's inode it stays true when that is moved. */
export async function clusterTag(dir: string): Promise<string> {
  const { dev, ino } = await stat(dir, { bigint: true });
  return `pytake-${dev.toString(36)}-${ino.toString(36)}-pg`;
}

/** After kill -9 of PyTake its server runs on. It is stopped in order, so that never two write the same files. */
export async function stopOrphans(binaries: Binaries, dir: string, tag: string, as: RunAs, log: (line: string) => void): Promise<void> {
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
