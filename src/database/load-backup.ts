import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Client, DatabaseError, escapeIdentifier } from 'pg';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import { DataSource } from 'typeorm';
import { type BackupEnd, type BackupHead, columnNames, connect } from './backup-file';
import { commandSourceOptions } from './database.module';
import { nameOf, refuseNewer } from './schema';
import { type TarEntry, readTar } from './tar';

const SMALL_BYTES = 16 * 1024 * 1024;

/** Reads a backup to its end without using it. @throws One line for the console: it is no backup, damaged, or cut short. */
export async function checkBackup(file: string): Promise<{ head: BackupHead; end: BackupEnd }> {
  const digest = createHash('sha256');
  let head: BackupHead | null = null;
  let end: BackupEnd | null = null;
  try {
    for await (const entry of entriesOf(file, digest)) {
      if (!head) {
        if (entry.name !== 'backup.json') throw new Error('it is not a backup of PyTake');
        head = (await json(entry)) as BackupHead;
        if (head.format !== 1) throw new Error('a newer PyTake made it');
      } else if (entry.name === 'end.json') {
        const sha256 = digest.copy().digest('hex');
        end = (await json(entry)) as BackupEnd;
        if (end.sha256 !== sha256) throw new Error('its checksum is wrong');
      }
    }
  } catch (error) {
    throw new Error(`${file} cannot be restored: ${(error as Error).message}.`, { cause: error });
  }
  if (!head || !end) throw new Error(`${file} cannot be restored: it ends too early.`);
  return { head, end };
}

/** The secrets of a backup. */
export async function secretsOf(file: string): Promise<Buffer> {
  // Read before the rest is let go of.
  for await (const entry of entriesOf(file)) if (entry.name === 'secrets.json') return await whole(entry);
  throw new Error(`${file} cannot be restored: it holds no secrets.`);
}

/** Where a backup goes. */
export interface BackupTarget {
  /** Of an empty database. */
  database_url: string;
  keepMedia(key: string, body: AsyncIterable<Buffer>): Promise<void>;
}

/** Brings a backup that was checked to its place. @throws When a row or a file does not get in. */
export async function loadBackup(
  file: string,
  { head, end }: { head: BackupHead; end: BackupEnd },
  { database_url, keepMedia }: BackupTarget,
): Promise<void> {
  await makeTables(database_url, head);
  const sql = await connect(database_url);
  try {
    await addWhatIsMore(sql, head);
    // Rows as they are: no trigger has a say, and what refers to a later row may come first.
    await sql.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    // Emptied in the same transaction: PostgreSQL then writes no log of the rows. All at once, for they refer to each other.
    await sql.query(`TRUNCATE ${Object.keys(head.tables).map(placeOf).join(', ')}`);
    const indexes = await takeIndexes(sql);
    let loading: Loading | null = null;
    for await (const { name, body } of entriesOf(file)) {
      const table = /^tables\/(.+)\/\d+$/.exec(name)?.[1];
      if (loading && loading.table !== table) {
        await finish(loading, end);
        loading = null;
      }
      if (table !== undefined) {
        loading ??= begin(sql, table, head);
        await write(loading, body);
      }
      const key = /^media\/(.+)$/.exec(name)?.[1];
      if (key !== undefined) await keepMedia(key, body);
    }
    for (const index of indexes) await sql.query(index);
    for (const [name, value] of Object.entries(head.sequences))
      if (value !== null) await sql.query('SELECT setval(to_regclass($1), $2)', [placeOf(name), value]);
    await sql.query('COMMIT');
    await sql.query('ANALYZE');
  } finally {
    await sql.end();
  }
}

/** The tables as the backup's migrations made them; the next start runs the later ones. @throws A newer PyTake made the backup. */
async function makeTables(database_url: string, { migrations }: BackupHead): Promise<void> {
  const source = await new DataSource(commandSourceOptions({ database_url })).initialize();
  try {
    refuseNewer(migrations, source, 'The backup');
    // TypeORM runs what stands in this list.
    for (const later of source.migrations.filter((migration) => !migrations.includes(nameOf(migration))))
      source.migrations.splice(source.migrations.indexOf(later), 1);
    await source.runMigrations();
  } finally {
    await source.destroy();
  }
}

/** Tables and columns that somebody added by hand come back with their rows, without what hung on them. @throws A type is none. */
async function addWhatIsMore(sql: Client, { tables }: BackupHead): Promise<void> {
  await assertTypes(sql, tables);
  for (const [table, columns] of Object.entries(tables)) {
    await sql.query(`CREATE TABLE IF NOT EXISTS ${placeOf(table)} ()`);
    for (const { name, type } of columns)
      await sql.query(`ALTER TABLE ${placeOf(table)} ADD COLUMN IF NOT EXISTS ${escapeIdentifier(name)} ${type}`);
  }
}

/** A type cannot be quoted as a name can: PostgreSQL's own reader of types says whether it is one and nothing beside it. */
async function assertTypes(sql: Client, tables: BackupHead['tables']): Promise<void> {
  for (const type of new Set(Object.values(tables).flatMap((columns) => columns.map((column) => column.type)))) {
    const { rows } = await sql.query<{ found: boolean }>('SELECT to_regtype($1) IS NOT NULL AS found', [type]).catch((error: unknown) => {
      if (error instanceof DatabaseError) return { rows: [] };
      throw error;
    });
    if (!rows[0]?.found) throw new Error(`The backup cannot be restored: ${JSON.stringify(type)} is no type of a column.`);
  }
}

/** Ours, never one of PostgreSQL's own tables. */
const placeOf = (table: string): string => `public.${escapeIdentifier(table)}`;

/** Takes the indexes that are no constraint away; answers how to make them again, faster over all rows than row by row. */
async function takeIndexes(sql: Client): Promise<string[]> {
  const { rows } = await sql.query<{ name: string; made: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made FROM pg_index JOIN pg_class c ON c.oid = indrelid
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`,
  );
  for (const { name } of rows) await sql.query(`DROP INDEX ${name}`);
  return rows.map(({ made }) => made);
}

/** The rows of one table on their way in. */
interface Loading {
  table: string;
  rows: CopyStreamQuery;
  done: Promise<void>;
}

function begin(sql: Client, table: string, { tables }: BackupHead): Loading {
  const rows = sql.query(copyFrom(`COPY ${placeOf(table)} (${columnNames(tables[table] ?? [])}) FROM STDIN`));
  const done = finished(rows);
  done.catch(() => undefined); // Told by the next write or by `finish`.
  return { table, rows, done };
}

async function write({ rows, done }: Loading, body: AsyncIterable<Buffer>): Promise<void> {
  for await (const bytes of body) {
    await new Promise<void>((resolve) => rows.write(bytes, () => resolve()));
    if (rows.errored) await done;
  }
}

async function finish({ table, rows, done }: Loading, end: BackupEnd): Promise<void> {
  rows.end();
  await done;
  if (rows.rowCount !== end.rows[table]) throw new Error(`${table} got ${rows.rowCount} rows, the backup has ${end.rows[table]}.`);
}

async function* entriesOf(file: string, digest = createHash('sha256')): AsyncGenerator<TarEntry> {
  const source = createReadStream(file);
  const bytes = createGunzip();
  source.once('error', (error) => bytes.destroy(error)); // Whoever reads `bytes` hears of it.
  source.pipe(bytes);
  try {
    yield* readTar(bytes, digest);
  } finally {
    // Whoever stops early leaves both half read. A `pipeline` would never end then, when all of the file was read by that time.
    source.destroy();
    bytes.destroy();
    if (!source.closed) await once(source, 'close');
  }
}

async function whole({ name, size, body }: TarEntry): Promise<Buffer> {
  if (size > SMALL_BYTES) throw new Error(`${name} is too large`);
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

const json = async (entry: TarEntry): Promise<unknown> => JSON.parse((await whole(entry)).toString());
