import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { startEmbeddedPostgres } from '#database/embedded-postgres';

export interface TestPostgres {
  /** Of the superuser, to the database `postgres`; give it to `createDatabase`. */
  url: string;
  stop(): Promise<void>;
}

/** One server for a whole Jest run, in memory speed: it may lose everything at a crash. Started by globalSetup, stopped by globalTeardown. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const parent = await mkdtemp(join(tmpdir(), 'pytake-test-'));
  // Started as root the server runs as another user, who passes here on its way.
  await chmod(parent, 0o711);
  const server = await startEmbeddedPostgres({
    dir: join(parent, 'postgres'),
    password: 'test',
    database: 'postgres',
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
  }).catch(async (error: unknown) => {
    await rm(parent, { recursive: true, force: true });
    throw error;
  });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Makes a database, as a copy of `template` (which nobody may be connected to) if one is named; answers its URL. */
export async function createDatabase(adminUrl: string, name: string, template?: string): Promise<string> {
  // Without fsync, copying files is faster than PostgreSQL's default of writing each page through the log.
  const copy = template ? ` TEMPLATE ${escapeIdentifier(template)} STRATEGY FILE_COPY` : '';
  await asAdmin(adminUrl, `CREATE DATABASE ${escapeIdentifier(name)}${copy}`);
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.toString();
}

/** Also when someone is still connected. */
export async function dropDatabase(adminUrl: string, name: string): Promise<void> {
  await asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
}

async function asAdmin(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** The same database for the role as which an app under test works: it owns nothing there. */
export const applicationUrl = (owner_url: string): string =>
  Object.assign(new URL(owner_url), { username: 'pytake_tested', password: 'tested' }).toString();
