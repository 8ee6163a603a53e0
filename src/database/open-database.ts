import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { Config } from '#config/config';
import { awaitPostgres, nameOf } from './await-postgres';
import { DataDirInUse, type DataDirLock, lockDataDir } from './data-dir-lock';
import { commandSourceOptions } from './database.module';
import { type EmbeddedPostgres, runningPostgres, startEmbeddedPostgres } from './embedded-postgres';
import { hasTwoRoles, settleRights } from './rights';

/** The configuration with a database behind it, and how to let go of both. */
export interface OpenDatabase {
  config: Config;
  /** Resolves if the embedded PostgreSQL ends by itself; never in the full profile. */
  lost: Promise<void>;
  release(): Promise<void>;
}

/** Advisory lock: processes that start together migrate one after the other. */
const MIGRATING = 0x7079_7461;

/** Stands in DATA_DIR while a restore moves files into place. */
export const RESTORING = 'restore.unfinished';

/** Reads the configuration and waits for its PostgreSQL; in the embedded profile takes DATA_DIR and starts one. */
export async function openDatabase(env: NodeJS.ProcessEnv): Promise<OpenDatabase> {
  // The lock comes before the configuration: the first start writes the secrets, and only one process may.
  const lock: DataDirLock | null = Config.isEmbedded(env) ? await lockDataDir(Config.dataDir(env)) : null;
  let postgres: EmbeddedPostgres | null = null;
  const release = async (): Promise<void> => {
    await postgres?.stop();
    await lock?.release();
  };
  try {
    const config = new Config(env);
    if (config.database_owner_url) {
      await awaitPostgres(config.database_owner_url, hasTwoRoles(config) ? 'DATABASE_OWNER_URL' : 'DATABASE_URL');
      return { config, lost: new Promise(() => undefined), release };
    }
    if (existsSync(join(config.data_dir, RESTORING)))
      throw new Error(`A restore into DATA_DIR ${config.data_dir} was cut short. Run "npm run restore -- FILE --force" again.`);
    postgres = await startEmbeddedPostgres({ dir: join(config.data_dir, 'postgres'), password: config.embedded_database_password });
    return { config: withRoles(config, postgres.url), lost: postgres.exited, release };
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

/**
 * The same for a command on data that is there, beside a running PyTake too: its PostgreSQL while it is up, else one of our own.
 * @throws One line for the console, also when DATA_DIR holds no database yet.
 */
export async function joinDatabase(env: NodeJS.ProcessEnv): Promise<OpenDatabase> {
  const data_dir = Config.dataDir(env);
  const dir = join(data_dir, 'postgres');
  if (Config.isEmbedded(env) && !existsSync(dir))
    throw new Error(`There is no database in DATA_DIR ${data_dir} yet. Start PyTake once, or set DATA_DIR to where its data is.`);
  try {
    return await openDatabase(env);
  } catch (error) {
    if (!(error instanceof DataDirInUse)) throw error;
    const config = new Config(env);
    const url = await runningPostgres({ dir, password: config.embedded_database_password });
    return { config: withRoles(config, url), lost: new Promise(() => undefined), release: async () => undefined };
  }
}

/** The role that PyTake connects with in the embedded PostgreSQL, whose superuser owns the tables. */
const APPLICATION = 'pytake_app';

/** Its password is made from the owner's, which it does not tell: secrets.json of before there were two roles needs nothing more, nor does a backup's. */
function withRoles(config: Config, database_owner_url: string): Config {
  const password = createHmac('sha256', config.embedded_database_password).update(APPLICATION).digest('base64url');
  const { href } = Object.assign(new URL(database_owner_url), { username: APPLICATION, password });
  return config.withDatabase({ database_url: href, database_owner_url });
}

/** A data source of the owner's for `work`, one process at a time; what the application may do is settled after it. */
export async function whileMigrating<T>(config: Config, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await new DataSource(commandSourceOptions({ database_url: config.database_owner_url })).initialize();
  const runner = source.createQueryRunner();
  try {
    // Asked again and again: who waits inside a statement holds a snapshot, and an index built CONCURRENTLY by the one at work waits for those.
    const mine = async (): Promise<boolean> => {
      const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS mine', [MIGRATING])) as [{ mine: boolean }];
      return row.mine;
    };
    while (!(await mine())) await sleep(100);
    const result = await work(source);
    await settleRights(source, config);
    if (config.database_url && hasTwoRoles(config)) {
      await awaitPostgres(config.database_url, 'DATABASE_URL');
      await assertSameDatabase(runner, config.database_url);
    }
    return result;
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATING]).catch(() => undefined);
    await runner.release();
    await source.destroy();
  }
}

/**
 * The lock that `owner` holds is seen over the other URL too, whatever hosts, poolers or names of the database stand in the two.
 * @throws One line for the console.
 */
async function assertSameDatabase(owner: QueryRunner, url: string): Promise<void> {
  const [{ pid }] = (await owner.query('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
  const app = new Client({ connectionString: url, application_name: 'pytake' });
  try {
    await app.connect();
    const { rowCount } = await app.query(
      `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND pid = $2
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [MIGRATING, pid],
    );
    if (!rowCount)
      throw new Error(`DATABASE_URL (${nameOf(url)}) is another database than that of DATABASE_OWNER_URL. Name the same one in both.`);
  } finally {
    await app.end().catch(() => undefined);
  }
}
