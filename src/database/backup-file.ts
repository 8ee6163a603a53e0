import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { Client, escapeIdentifier } from 'pg';
import { type CopyStreamQuery, from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { DataSource } from 'typeorm';
import { commandSourceOptions } from './database.module';
import { nameOf, refuseNewer } from './schema';
import { TAR_END, type TarEntry, readTar, tarFile } from './tar';

/**
 * A backup is one tar.gz: `backup.json` (BackupHead), `secrets.json`, the rows of each table as COPY's text in pieces (`tables/NAME/000001`),
 * `media/KEY`, and last `end.json` (BackupEnd). Rows rather than PostgreSQL's own files: they fit a later PostgreSQL too, and the indexes stay out.
 */
export interface BackupHead {
  format: 1;
  made_at: string;
  /** Names of the migrations that made the tables, in their order. */
  migrations: string[];
  /** Columns by table, in the order of the rows' fields. */
  tables: Record<string, Column[]>;
  /** Where each sequence stands; null: not used yet. */
  sequences: Record<string, string | null>;
}

interface Column {
  name: string;
  type: string;
}

export interface BackupEnd {
  /** Of every byte before this file; also says that the backup is whole. */
  sha256: string;
  rows: Record<string, number>;
  files: number;
  /** Media that rows name and the storage no longer had. */
  files_missing: number;
}

/** What belongs to the backup beside the database. */
export interface BackupParts {
  /** The text of DATA_DIR/secrets.json. */
  secrets: Buffer;
  /** A query for the keys of the media that the rows name. */
  media_keys: string;
  /** null: the file is not there. */
  openMedia(key: string): Promise<{ size: number; body: Readable } | null>;
}

/** Rows wait in memory until a piece is full: a tar names the size of a file before its bytes. */
const PIECE_BYTES = 4 * 1024 * 1024;
const SMALL_BYTES = 16 * 1024 * 1024;
const MEDIA_NAME = /^media\/([0-9a-f-]{36}\/\d{4}-\d{2}\/[0-9a-f-]{36})$/;

// --- Writing ----------------------------------------------------------------------------------------------------------------------------------

/**
 * Writes a database and what belongs to it into a file for its owner alone. One snapshot: rows that change meanwhile are as they were at its start, and
 * media is copied after them, so that each row has its file. Appears under its name when it is whole.
 */
export async function writeBackup(file: string, database_url: string, parts: BackupParts): Promise<BackupEnd> {
  const draft = `${file}.part`;
  const sql = await connect(database_url);
  try {
    const end: BackupEnd = { sha256: '', rows: {}, files: 0, files_missing: 0 };
    await rm(draft, { force: true });
    // Text shrinks to a fifth at the fastest level, media not at any.
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    await pipeline(archive(sql, parts, end), gzip, createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }));
    await rename(draft, file);
    return end;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await sql.end();
  }
}

async function* archive(sql: Client, parts: BackupParts, end: BackupEnd): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  for await (const bytes of contents(sql, parts, end)) {
    digest.update(bytes);
    yield bytes;
  }
  end.sha256 = digest.digest('hex');
  yield* jsonFile('end.json', end);
  yield TAR_END;
}

async function* contents(sql: Client, { secrets, media_keys, openMedia }: BackupParts, end: BackupEnd): AsyncGenerator<Buffer> {
  await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const head = await headOf(sql);
  yield* jsonFile('backup.json', head);
  yield* tarFile('secrets.json', secrets.length, [secrets]);

  for (const [table, columns] of Object.entries(head.tables)) {
    // A query, not the table's name: it reads a partitioned table too.
    const rows = sql.query(copyTo(`COPY (SELECT ${names(columns)} FROM ${escapeIdentifier(table)}) TO STDOUT`));
    let piece = 0;
    for await (const bytes of pieces(rows)) {
      yield* tarFile(`tables/${table}/${String(++piece).padStart(6, '0')}`, bytes.length, [bytes]);
    }
    end.rows[table] = rows.rowCount;
  }

  for await (const key of lines(sql.query(copyTo(`COPY (${media_keys}) TO STDOUT`)))) {
    const media = await openMedia(key);
    if (media) yield* tarFile(`media/${key}`, media.size, media.body);
    end[media ? 'files' : 'files_missing']++;
  }
  await sql.query('COMMIT');
}

async function headOf(sql: Client): Promise<BackupHead> {
  const { rows: tables } = await sql.query<{ name: string; columns: Column[] }>(
    `SELECT relname AS name, json_agg(json_build_object('name', attname, 'type', format_type(atttypid, atttypmod)) ORDER BY attnum) AS columns
       FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migrations'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
      GROUP BY relname ORDER BY relname`,
  );
  const { rows: sequences } = await sql.query<{ name: string; value: string | null }>(
    `SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'migrations_id_seq'`,
  );
  const { rows: migrations } = await sql.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  return {
    format: 1,
    made_at: new Date().toISOString(),
    migrations: migrations.map(({ name }) => name),
    tables: Object.fromEntries(tables.map(({ name, columns }) => [name, columns])),
    sequences: Object.fromEntries(sequences.map(({ name, value }) => [name, value])),
  };
}

function jsonFile(name: string, value: object): AsyncGenerator<Buffer> {
  const text = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  return tarFile(name, text.length, [text]);
}

async function* pieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    length += chunk.length;
    if (length < PIECE_BYTES) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    length = 0;
  }
  if (length) yield Buffer.concat(waiting);
}

async function* lines(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of source) {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

// --- Reading ----------------------------------------------------------------------------------------------------------------------------------

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
  for await (const entry of entriesOf(file)) if (entry.name === 'secrets.json') return whole(entry);
  throw new Error(`${file} cannot be restored: it holds no secrets.`);
}

/** Fills an empty database and a media directory from a backup that was checked. @throws When a row does not get in. */
export async function loadBackup(
  file: string,
  { head, end }: { head: BackupHead; end: BackupEnd },
  target: { database_url: string; media_dir: string },
): Promise<void> {
  await makeTables(target.database_url, head);
  const sql = await connect(target.database_url);
  try {
    await addWhatIsMore(sql, head);
    // Rows as they are: no trigger has a say, and what refers to a later row may come first.
    await sql.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
    const indexes = await takeIndexes(sql);
    let loading: Loading | null = null;
    for await (const { name, body } of entriesOf(file)) {
      const table = /^tables\/(.+)\/\d+$/.exec(name)?.[1];
      if (loading && loading.table !== table) {
        await finish(loading, end);
        loading = null;
      }
      if (table !== undefined) {
        loading ??= await begin(sql, table, head);
        await write(loading, body);
      }
      const key = MEDIA_NAME.exec(name)?.[1];
      if (key !== undefined) {
        const path = join(target.media_dir, key);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
      }
    }
    for (const index of indexes) await sql.query(index);
    for (const [name, value] of Object.entries(head.sequences))
      if (value !== null) await sql.query('SELECT setval(to_regclass($1), $2)', [escapeIdentifier(name), value]);
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

/** Tables and columns that somebody added by hand come back with their rows, without what hung on them. */
async function addWhatIsMore(sql: Client, { tables }: BackupHead): Promise<void> {
  for (const [table, columns] of Object.entries(tables)) {
    await sql.query(`CREATE TABLE IF NOT EXISTS ${escapeIdentifier(table)} ()`);
    for (const { name, type } of columns)
      await sql.query(`ALTER TABLE ${escapeIdentifier(table)} ADD COLUMN IF NOT EXISTS ${escapeIdentifier(name)} ${type}`);
  }
}

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

async function begin(sql: Client, table: string, { tables }: BackupHead): Promise<Loading> {
  // Emptied in the same transaction: PostgreSQL then writes no log of the rows.
  await sql.query(`TRUNCATE ${escapeIdentifier(table)}`);
  const rows = sql.query(copyFrom(`COPY ${escapeIdentifier(table)} (${names(tables[table] ?? [])}) FROM STDIN`));
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
  const flow = pipeline(source, bytes).catch(() => undefined); // Whoever reads `bytes` hears of it.
  try {
    yield* readTar(bytes, digest);
  } finally {
    // Whoever stops early leaves both half read.
    source.destroy();
    bytes.destroy();
    await flow;
  }
}

async function whole({ name, size, body }: TarEntry): Promise<Buffer> {
  if (size > SMALL_BYTES) throw new Error(`${name} is too large`);
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

const json = async (entry: TarEntry): Promise<unknown> => JSON.parse((await whole(entry)).toString());

const names = (columns: readonly Column[]): string => columns.map(({ name }) => escapeIdentifier(name)).join(', ');

/** A connection of its own without limits of time; what breaks it also fails what waits on it. */
async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, application_name: 'pytake-backup', options: '-c datestyle=ISO -c timezone=UTC' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
