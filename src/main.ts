import 'reflect-metadata';
import { join } from 'node:path';
import { createApp, createWorker } from './app';
import { Config, ConfigError } from './config/config';
import { type DataDirLock, lockDataDir } from './database/data-dir-lock';
import { dataSourceOptions } from './database/database.module';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded-postgres';
import { makeDemo } from './demo';
import { announce } from './welcome';
import { DataSource } from 'typeorm';

/** A stop that hangs is ended after this; jobs and sockets have had their time by then. */
const STOP_MS = 28_000;

async function main(): Promise<void> {
  // The lock comes before the configuration: the first start writes the secrets, and only one may.
  const lock = process.env.DATABASE_URL ? null : await lockDataDir(Config.dataDir(process.env));
  let postgres: EmbeddedPostgres | null = null;
  const release = async (): Promise<void> => {
    await postgres?.stop();
    await (lock as DataDirLock | null)?.release();
  };
  try {
    let config = new Config(process.env);
    if (config.embedded) {
      postgres = await startEmbeddedPostgres({ dir: join(config.data_dir, 'postgres'), password: config.embedded_database_password });
      config = config.withDatabaseUrl(postgres.url);
    }
    await migrate(config);
    const doors = config.process_role === 'worker' ? null : await createApp(config);
    const app = doors ?? (await createWorker(config));

    let stopping = false;
    const stop = async (reason: string, code = 0): Promise<void> => {
      if (stopping) return;
      stopping = true;
      setTimeout(() => process.exit(1), STOP_MS).unref();
      try {
        await app.close();
        await release();
      } catch (error) {
        console.error(`PyTake did not stop cleanly (${reason}):`, error);
        code = 1;
      }
      process.exit(code);
    };
    process.once('SIGTERM', () => void stop('SIGTERM'));
    process.once('SIGINT', () => void stop('SIGINT'));
    void postgres?.exited.then(() => {
      if (stopping) return;
      console.error('The embedded PostgreSQL ended by itself. PyTake stops; start it again, it recovers by itself.');
      void stop('postgres', 1);
    });

    if (doors) await doors.listen(config.port, config.host);
    else await app.init();
    // Last, so that the password of a start that failed is not lost unseen.
    announce(config, doors && config.demo ? await makeDemo(doors) : null);
  } catch (error) {
    await release().catch(() => undefined);
    throw error;
  }
}

/** Forward migrations; several processes that start together take turns. */
async function migrate(config: Config): Promise<void> {
  const source = await new DataSource(dataSourceOptions({ database_url: config.database_url, database_pool_size: 2 })).initialize();
  const runner = source.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [0x7079_7461]);
    await source.runMigrations();
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [0x7079_7461]).catch(() => undefined);
    await runner.release();
    await source.destroy();
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof ConfigError || (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  console.error(expected || !(error instanceof Error) ? String((error as Error).message ?? error) : error.message);
  if (process.env.LOG_LEVEL === 'debug') console.error(error);
  process.exit(1);
});
