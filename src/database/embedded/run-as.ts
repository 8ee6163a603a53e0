import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import type { Binaries } from './binaries';
import { code, complaint, ENVIRONMENT, message, run } from './programs';

/** initdb, of a user id that /etc/passwd does not know: `docker run --user 12345`, or data from another machine. */
export const NAMELESS = 'could not look up effective user ID';

type Capability = 'dac_read_search' | 'dac_override';

/** Who the server runs as; null: as ourselves. */
export type RunAs = { uid: number; gid: number; capability: Capability | null } | null;

/** PostgreSQL refuses to run as root. Started as root, it runs as the owner of its data, at first `nobody`; else as ourselves (null). */
export async function serverOwner(dir: string): Promise<{ uid: number; gid: number } | null> {
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
export async function chooseAccess(binaries: Binaries, dir: string, owner: { uid: number; gid: number } | null): Promise<RunAs> {
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
export const notPermitted = (owner: { uid: number } | null, error: unknown): string =>
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
export function command(
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

/** Every directory above a path, the root first. */
function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [...ancestors(above), above];
}
