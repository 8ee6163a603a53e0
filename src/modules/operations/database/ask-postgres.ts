import type { Socket } from 'node:net';
import { Client, DatabaseError, types } from 'pg';
import { AppError } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { sealedColumns } from '#database/sealed-columns';
import { ANSWER_MAX_BYTES, CONNECT_MS, OutsideFailure, type OutsidePostgres, TOO_LARGE, type Target, failureOf } from './outside-database';
import { refused } from './read-statement';

/** Beyond the statement's own time: the connection, and the way back. */
const GRACE_MS = CONNECT_MS + 2_000;

/** Volatile in name alone: they change nothing, and take no time. */
const HARMLESS = ['clock_timestamp', 'gen_random_uuid', 'random', 'random_normal', 'timeofday', 'uuidv4', 'uuidv7'];

/** Of what a statement calls, what PostgreSQL says has effects, runs SQL of its own or tells the server's settings. */
const WITH_EFFECTS = `
  SELECT DISTINCT proname AS name FROM pg_catalog.pg_proc
   WHERE proname = ANY($1) AND NOT proname = ANY($2)
     AND (provolatile = 'v' OR proname ~ '(_to_xml(schema|_and_xmlschema)?|^current_setting|^pg_show_all_settings|^crosstab\\d*|^connectby)$')`;

/** Passwords and addresses of other servers, in whichever PostgreSQL. */
const SERVERS_SECRETS = [
  'pg_authid',
  'pg_shadow',
  'pg_user_mapping',
  'pg_user_mappings',
  'pg_subscription',
  'pg_largeobject',
  'pg_settings',
  'pg_file_settings',
  'pg_hba_file_rules',
  'pg_ident_file_mappings',
];
/** Ours, which a developer's question may reach: hashes and tokens; beside them all that is sealed. */
const OUR_SECRETS = ['credentials', 'refresh_tokens', 'mailed_tokens', 'api_key_secrets', 'outbound_mails'];

/** What the transaction has read, whatever called it: PostgreSQL holds a lock on it. */
const READ_RELATIONS = `
  SELECT DISTINCT relname AS name FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
   WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND relname = ANY($1)`;

/** Numbers, booleans and JSON are what they are; everything else is text, as PostgreSQL writes it. */
const PARSED: ReadonlySet<number> = new Set([
  types.builtins.BOOL,
  types.builtins.INT2,
  types.builtins.INT4,
  types.builtins.FLOAT4,
  types.builtins.FLOAT8,
  types.builtins.JSON,
  types.builtins.JSONB,
]);

/** Another PostgreSQL. Every statement is in a read-only transaction, with limits; nothing of it is kept. */
export const askPostgres: OutsidePostgres = {
  version: (target) =>
    connected(target, CONNECT_MS, async (client) => {
      const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
      return rows[0].server_version;
    }),

  read: (target, { text, values, calls }, { timeout_ms, max_rows }) =>
    connected(target, timeout_ms, async (client) => {
      // Backslashes in '…' mean themselves, as our scanner reads them, whatever the server's default.
      await client.query(
        `BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL standard_conforming_strings = on;
         SET LOCAL statement_timeout = ${timeout_ms}; SET LOCAL lock_timeout = ${timeout_ms}; SET LOCAL search_path = public, pg_catalog`,
      );
      const { rows: effects } = await client.query<{ name: string }>(WITH_EFFECTS, [calls, HARMLESS]);
      if (effects.length) throw refused(`${effects[0].name}() does more than read.`);
      // A cursor is of one SELECT that writes nowhere, not even in a WITH; and with a name of its own the protocol takes no second statement.
      await client.query({ text: `DECLARE asked NO SCROLL CURSOR FOR ${text}`, values, queryMode: 'extended' } as object as {
        text: string;
      });
      // Before a row is read: the words of an error may quote one. And after it, for what only a function names.
      await refuseSecrets(client);
      const { rows } = await client.query<JsonObject>(`FETCH FORWARD ${max_rows + 1} FROM asked`);
      await refuseSecrets(client);
      await client.query('ROLLBACK');
      return { data: rows.slice(0, max_rows), truncated: rows.length > max_rows };
    }),
};

async function refuseSecrets(client: Client): Promise<void> {
  const secrets = [...SERVERS_SECRETS, ...OUR_SECRETS, ...sealedColumns().keys()];
  const { rows } = await client.query<{ name: string }>(READ_RELATIONS, [secrets]);
  if (rows.length) throw refused(`${rows[0].name} holds secrets.`);
}

async function connected<R>(target: Target, timeout_ms: number, work: (client: Client) => Promise<R>): Promise<R> {
  const { address, port, host, database, username, password = '', ssl } = target;
  const client = new Client({
    host: address,
    port,
    database,
    // All is said: what is not, pg would take from the environment and the home of this process.
    user: username ?? 'postgres',
    password: () => password,
    ssl: ssl ? { servername: host } : false,
    options: '',
    application_name: 'pytake-database',
    connectionTimeoutMillis: CONNECT_MS,
    types: { getTypeParser: (oid: number) => (PARSED.has(oid) ? types.getTypeParser(oid) : String) } as never,
  });
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  let broken: Error | undefined;
  const cut = (reason: Error): void => {
    broken ??= reason;
    stream.destroy();
  };
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    if ((bytes += chunk.length) > ANSWER_MAX_BYTES) cut(TOO_LARGE);
  };
  // A connection that breaks also fails what waits on it.
  client.on('error', () => undefined);
  const timer = setTimeout(() => cut(new OutsideFailure('The database did not answer in time.')), timeout_ms + GRACE_MS);
  try {
    await client.connect();
    // TLS has put another stream in its place.
    const { stream: open } = (client as unknown as { connection: { stream: Socket } }).connection;
    open.prependListener('data', count);
    return await work(client);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (broken) throw broken;
    if (error instanceof DatabaseError) throw new OutsideFailure(error.message);
    throw failureOf(error, 'The database could not be reached.');
  } finally {
    clearTimeout(timer);
    const { stream: last } = (client as unknown as { connection: { stream: Socket } }).connection;
    client.end().catch(() => undefined);
    // Whoever does not say goodbye is left.
    setTimeout(() => last.destroy(), 1_000).unref();
  }
}
