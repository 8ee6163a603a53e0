import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { isDatabaseDown } from './database-errors';

const OLDEST = 15;
/** Started together with its database, PyTake is often the faster one. */
const PATIENCE_MS = 10_000;
/** Not there yet, beside what ends a connection at any time: its host or name (of a container that comes), its socket. */
const NOT_THERE = new Set(['EAI_AGAIN', 'EHOSTUNREACH', 'ENOENT']);

/**
 * Resolves once the PostgreSQL of a variable answers and is new enough.
 * @throws One line for the console: which database, and what it said. Never the password.
 */
export async function awaitPostgres(url: string, variable: 'DATABASE_URL' | 'DATABASE_OWNER_URL'): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      return await assertVersion(url);
    } catch (error) {
      const { passing, words } = diagnosis(error);
      if (!passing || Date.now() > until) throw new Error(`PostgreSQL ${nameOf(url)}: ${words}. Look at ${variable}.`, { cause: error });
      if (attempt === 1) console.warn(`PostgreSQL ${nameOf(url)}: ${words}. Waiting ${PATIENCE_MS / 1000} seconds for it.`);
      await sleep(500);
    }
  }
}

async function assertVersion(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000, application_name: 'pytake' });
  // A connection that breaks says so here as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    const [{ server_version }] = rows;
    if (Number.parseInt(server_version, 10) < OLDEST) throw new Error(`it is version ${server_version}, PyTake needs ${OLDEST} or newer`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What went wrong in words, and whether it may go away by itself. */
function diagnosis(error: unknown): { passing: boolean; words: string } {
  // localhost is two addresses, and Node tells of both.
  if (error instanceof AggregateError) return diagnosis(error.errors[0]);
  const { code, message } = error as NodeJS.ErrnoException;
  const passing = isDatabaseDown(error) || NOT_THERE.has(code ?? '') || /timeout/i.test(message);
  return { passing, words: message.replace(/\.$/, '') };
}

/** A database as its URL says it, without the password. */
export function nameOf(url: string): string {
  const { host, pathname, username } = new URL(url);
  return `${decodeURIComponent(pathname.slice(1)) || 'of DATABASE_URL'} at ${host || 'its socket'} as ${decodeURIComponent(username) || 'nobody'}`;
}
