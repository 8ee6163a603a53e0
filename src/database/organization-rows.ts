import type { EntityMetadata } from 'typeorm';
import { askAgain } from './ask-again';
import type { Database } from './database';
import { erasedTables } from './erasure';
import { toldInstead, untoldColumns } from './untold';

/** Text of rows in memory, and how many of them PostgreSQL looks at for it. */
const BATCH_BYTES = 256 * 1024;
const ROWS_FIRST = 50;
const ROWS_MAX = 1000;
/** Where no key begins with the organization, its rows stand among those of all others; the reader is not taken for one who sleeps meanwhile. */
const SCAN_MS = 90_000;

/** A table of which an organization has rows, and how these are read. */
export interface OwnedTable {
  table: string;
  columns: string[];
  /** Columns that are left out: secrets. */
  untold: string[];
  rows(organization_id: string): AsyncGenerator<string[]>;
}

/**
 * Every table that holds rows of organizations, by the registry that erases them: none is forgotten. Each row is a line of JSON, without what nobody is told. Read in
 * pieces that follow each other by key, each with a connection of its own: a reader who is slow holds none.
 */
export function ownedTables(database: Database): OwnedTable[] {
  const entities = new Map(database.source.entityMetadatas.map((entity) => [entity.tableName, entity]));
  return erasedTables([...entities.values()])
    .reverse()
    .flatMap(({ table, where }) => {
      const entity = entities.get(table);
      return entity ? [ownedTable(database, entity, where)] : [];
    });
}

/** One table of which `where` says the rows of organization $1. */
export function ownedTable(database: Database, entity: EntityMetadata, where: string): OwnedTable {
  const table = entity.tableName;
  const untold = untoldColumns(table);
  const names = entity.columns.map(({ databaseName }) => databaseName);
  const columns = names.filter((name) => !untold.has(name));
  return {
    table,
    columns,
    untold: names.filter((name) => untold.has(name)),
    rows: (organization_id) => readRows(database, entity, where, columns, organization_id),
  };
}

async function* readRows(
  database: Database,
  entity: EntityMetadata,
  where: string,
  columns: readonly string[],
  organization_id: string,
): AsyncGenerator<string[]> {
  const keys = entity.primaryColumns.map(({ databaseName }) => databaseName);
  const others = keys.filter((name) => name !== 'organization_id');
  // A table with one row for each organization is keyed by it alone.
  const walked = others.length ? others : keys;
  const [first, next] = [false, true].map((goes_on) => statement(entity.tableName, where, columns, walked, goes_on));
  const ask = others.length < keys.length ? (sql: string, values: unknown[]) => database.rows<Found>(sql, values) : slowly(database);
  for (let after: string[] = [], most = ROWS_FIRST; ;) {
    const values = [organization_id, most, ...after];
    const found = await askAgain(organization_id, () => ask(after.length ? next : first, values));
    if (found.length) yield found.map(({ line }) => line);
    const last = found.at(-1);
    if (!last || last.is_last) return;
    after = last.place;
    // What is cut off for its size was read for nothing.
    most = Math.min(ROWS_MAX, found.length * 2);
  }
}

interface Found {
  place: string[];
  line: string;
  /** No row comes after this one. */
  is_last: boolean;
}

/** Rows in the order of their key, after a place ($3 and on) if it goes on: at most $2 of them, and no more than their size allows, but one at least. */
function statement(table: string, where: string, columns: readonly string[], walked: readonly string[], goes_on: boolean): string {
  const instead = toldInstead(table);
  const told = columns.map((name) => (instead[name] ? `${instead[name]} AS ${name}` : `${table}.${name}`)).join(', ');
  const key = walked.map((name) => `${table}.${name}`);
  const beyond = goes_on ? `AND (${key.join(', ')}) > (${key.map((_, n) => `$${n + 3}`).join(', ')})` : '';
  return `SELECT place, line, n = seen AND seen < $2 AS is_last FROM (
    SELECT place, line, n, count(*) OVER () AS seen, sum(octet_length(line)) OVER (ORDER BY n) - octet_length(line) AS before FROM (
      SELECT ARRAY[${key.map((name) => `${name}::text`).join(', ')}] AS place, (SELECT row_to_json(r) FROM (SELECT ${told}) r)::text AS line,
             row_number() OVER (ORDER BY ${key.join(', ')}) AS n
        FROM ${table} WHERE (${where}) ${beyond} ORDER BY ${key.join(', ')} LIMIT $2) w) w
   WHERE before < ${BATCH_BYTES} ORDER BY n`;
}

const slowly =
  (database: Database) =>
  (sql: string, values: unknown[]): Promise<Found[]> =>
    database.tx(async (tx) => {
      await tx.rows(`SET LOCAL statement_timeout = ${SCAN_MS}`);
      return tx.rows<Found>(sql, values);
    });
