import { mkdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { findBinaries } from './embedded/binaries';
import { adopt, initialise, isInitialised, USER } from './embedded/data-directory';
import { clusterTag, stopOrphans } from './embedded/orphans';
import { chooseAccess, serverOwner } from './embedded/run-as';
import { launchOnPort, type Server } from './embedded/server';

const DATABASE = 'pytake';

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

export interface EmbeddedPostgres extends Server {
  url: string;
}

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
