import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { type Client, escapeIdentifier } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { type BackupEnd, type BackupHead, type Column, columnNames, connect } from './backup-file';
import { OUR_TABLES, executed } from './schema';
import { TAR_END, tarFile } from './tar';

/** What belongs to the backup beside the database. */
export interface BackupParts {
  /** The text of DATA_DIR/secrets.json. */
  secrets: Buffer;
  /** A query for the keys of the media that the rows name: of the same snapshot as those. */
  media_keys: string;
  /** null: the file is not there. */
  openMedia(key: string): Promise<{ size: number; body: Readable } | null>;
}

/** Rows wait in memory until a piece is full: a tar names the size of a file before its bytes. */
const PIECE_BYTES = 4 * 1024 * 1024;

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
    const rows = sql.query(copyTo(`COPY (SELECT ${columnNames(columns)} FROM ${escapeIdentifier(table)}) TO STDOUT`));
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
       FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      WHERE ${OUR_TABLES}
      GROUP BY relname ORDER BY relname`,
  );
  const { rows: sequences } = await sql.query<{ name: string; value: string | null }>(
    `SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = 'public' AND sequencename <> 'migrations_id_seq'`,
  );
  return {
    format: 1,
    made_at: new Date().toISOString(),
    migrations: await executed({ query: async (text: string) => (await sql.query(text)).rows }),
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
