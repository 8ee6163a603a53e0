import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Config } from '#config/config';
import { awaitPostgres } from './await-postgres';
import { type DataDirLock, lockDataDir } from './data-dir-lock';
import { dataSourceOptions } from './database.module';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres';

/** The configuration with a database behind it, and how to let go of both. */
export interface OpenDatabase {
  config: Config;
  /** Resolves if the embedded PostgreSQL ends by itself; never in the full profile. */
  lost: Promise<void>;
  release(): Promise<void>;
}

/** Advisory lock: processes that start together migrate one after the other. */
const MIGRATING = 0x7079_7461;

/** Reads the configuration and waits for its PostgreSQL; in the embedded profile takes DATA_DIR and starts one. */
export async function openDatabase(env: NodeJS.ProcessEnv): Promise<OpenDatabase> {
  // The lock comes before the configuration: the first start writes the secrets, and only one process may.
  const lock: DataDirLock | null = env.DATABASE_URL?.trim() ? null : await lockDataDir(Config.dataDir(env));
  let postgres: EmbeddedPostgres | null = null;
  const release = async (): Promise<void> => {
    await postgres?.stop();
    await lock?.release();
  };
  try {
    const config = new Config(env);
    if (config.database_url) {
      await awaitPostgres(config.database_url);
      return { config, lost: new Promise(() => undefined), release };
    }
    postgres = await startEmbeddedPostgres({ dir: join(config.data_dir, 'postgres'), password: config.embedded_database_password });
    return { config: config.withDatabaseUrl(postgres.url), lost: postgres.exited, release };
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

/** A data source of its own for `work`, one process at a time. */
export async function whileMigrating<T>(config: Config, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await new DataSource(dataSourceOptions({ database_url: config.database_url, database_pool_size: 2 })).initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATING]);
    return await work(source);
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATING]).catch(() => undefined);
    await runner.release();
    await source.destroy();
  }
}
