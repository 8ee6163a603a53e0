import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import * as pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { Config } from '#config/config';
import { Database } from './database';
import { DueRows } from './due-rows';
import { typesWithInstants } from './instants';
import { ConstraintNames } from './references';
import { Reseal } from './reseal';
import { Signals } from './signals';
import { Statistics } from './statistics';
import { TimeZones } from './time-zones';

const root = join(__dirname, '..');
const requireFile = createRequire(__filename);

/** Every `*.entity.js` and migration of the build, loaded with require so that one set of classes exists. */
function load(pattern: string, cwd: string): (abstract new () => object)[] {
  return globSync(pattern, { cwd })
    .sort()
    .flatMap((file) => Object.values(requireFile(join(cwd, file)) as Record<string, unknown>))
    .filter((value): value is abstract new () => object => typeof value === 'function');
}

export function dataSourceOptions(config: Pick<Config, 'database_url' | 'database_pool_size'>): DataSourceOptions {
  return {
    type: 'postgres',
    driver: pg,
    url: config.database_url ?? undefined,
    entities: load('**/*.entity.js', root) as never[],
    migrations: load('*.js', join(root, '..', 'migrations')) as never[],
    migrationsTransactionMode: 'each',
    namingStrategy: new ConstraintNames(),
    poolSize: config.database_pool_size,
    connectTimeoutMS: 2000,
    applicationName: 'pytake',
    // pipeline: statements of one connection leave as they are given, and a transaction's first one leaves with its BEGIN.
    extra: {
      pipeline: true,
      statement_timeout: 15_000,
      idle_in_transaction_session_timeout: 30_000,
      keepAlive: true,
      types: typesWithInstants,
    },
  };
}

/** The same for the console: one person waits as long as it takes, and a large table's index takes long. */
export const commandSourceOptions = (config: Pick<Config, 'database_url'>): DataSourceOptions => ({
  ...dataSourceOptions({ ...config, database_pool_size: 2 }),
  extra: { keepAlive: true },
});

@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [Config],
      useFactory: (config: Config) => ({ ...dataSourceOptions(config), retryAttempts: 3, retryDelay: 1000 }),
    }),
  ],
  providers: [Database, Signals, DueRows, Reseal, Statistics, TimeZones],
  exports: [Database, Signals, DueRows, Reseal],
})
export class DatabaseModule {}
