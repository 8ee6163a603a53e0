import { chmod, chown, lchown, mkdtemp, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries';
import { code, complaint, run, windows } from './programs';
import { command, NAMELESS, notPermitted, type RunAs } from './run-as';

/** The superuser. */
export const USER = 'pytake';

export async function isInitialised(dir: string, major: string): Promise<boolean> {
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
export async function adopt(dir: string, owner: { uid: number; gid: number } | null): Promise<void> {
  const { uid, mode } = await stat(dir);
  if (!windows && mode & 0o077) await chmod(dir, 0o700);
  if (!owner || uid === owner.uid) return;
  for (const entry of await readdir(dir, { recursive: true })) await lchown(join(dir, entry), owner.uid, owner.gid);
  await chown(dir, owner.uid, owner.gid); // Last: cut short, it is done again.
}

/** Made beside and then moved into place: a start killed halfway leaves nothing that looks like a database. */
export async function initialise(
  binaries: Binaries,
  dir: string,
  as: RunAs,
  options: { password: string; settings?: Record<string, string> },
): Promise<void> {
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
