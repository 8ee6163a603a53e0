import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type DataSource, type MigrationInterface, QueryFailedError } from 'typeorm';

/** What `npm run migration:seal` wrote down. */
interface Sealed {
  /** SHA-256 of each migration's source: one that ran somewhere never changes again. */
  migrations: Record<string, string>;
  /** What all of them make, in the lines of `catalog`. */
  schema: string[];
}

/** One object of the schema, in words that are equal when the objects are. */
export interface SchemaObject {
  /** The table it belongs to; null: to none. */
  relation: string | null;
  line: string;
}

const sealed = createRequire(__filename)(join(__dirname, '..', '..', 'migrations', 'sealed.js')) as Sealed;

/** Migrations that others took over: a database may still remember them. */
const RETIRED = ['LoginFailures1795000000001'];
const NAMED_MAX = 5;

/** Of pg_class: not TypeORM's own table, nor what extensions bring. */
export const OUR_TABLES = `
  relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migrations'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid AND d.deptype = 'e')`;

/** What an operator may tune is left out (fillfactor, statistics, owners, grants). */
const CATALOG = `
  WITH tables AS (SELECT oid, relname FROM pg_class WHERE ${OUR_TABLES})
  SELECT NULL AS relation, 'extension ' || extname AS line FROM pg_extension WHERE extname <> 'plpgsql'
  UNION ALL
  SELECT relname, 'column ' || relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
         || CASE WHEN attnotnull THEN ' not null' ELSE '' END
         || coalesce(CASE WHEN attgenerated = '' THEN ' default ' ELSE ' generated ' END || pg_get_expr(adbin, adrelid), '')
    FROM tables JOIN pg_attribute a ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL
  SELECT relname, 'constraint ' || relname || '.' || conname || ' ' || pg_get_constraintdef(c.oid)
    FROM tables JOIN pg_constraint c ON conrelid = tables.oid AND contype IN ('c', 'f', 'x')
  UNION ALL
  SELECT relname, 'index ' || pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ' (invalid)' END
    FROM tables JOIN pg_index ON indrelid = tables.oid
  UNION ALL
  SELECT relname, 'trigger ' || pg_get_triggerdef(t.oid) || CASE WHEN tgenabled = 'D' THEN ' (disabled)' ELSE '' END
    FROM tables JOIN pg_trigger t ON tgrelid = tables.oid AND NOT tgisinternal
  UNION ALL
  SELECT NULL, 'function ' || p.oid::regprocedure::text || ' returns ' || prorettype::regtype::text || ' ' || provolatile::text || ' ' || md5(prosrc)
    FROM pg_proc p
   WHERE pronamespace = 'public'::regnamespace
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')`;

/** Everything the schema holds, told so that no search_path shows, nor that it went through a backup. */
export async function catalog(source: DataSource): Promise<SchemaObject[]> {
  const found = await source.transaction(async (manager) => {
    await manager.query('SET LOCAL search_path = pg_catalog');
    return manager.query<SchemaObject[]>(CATALOG);
  });
  return found.map(({ relation, line }) => ({ relation, line: /^(index|constraint|trigger) /.test(line) ? withoutCasts(line) : line }));
}

/** PostgreSQL tells `status IN ('open')` with other casts and brackets once the definition it told has been run again, as pg_dump and we do. */
const withoutCasts = (line: string): string => line.replace(/::(character varying|text)(\[\])?/g, '').replace(/[()]/g, '');

/**
 * Runs what is pending, then looks whether the database is what the migrations say; answers the names of those that ran.
 * @throws One line for the console: a schema of a newer PyTake, or one that lacks something.
 */
export async function bringUpToDate(source: DataSource): Promise<string[]> {
  refuseNewer(await executed(source), source);
  const ran = await source.runMigrations().catch((error: unknown) => {
    if (!(error instanceof QueryFailedError) || (error.driverError as { code?: string }).code !== '42501') throw error;
    throw new Error(
      `The role that runs the migrations may not: ${error.message}. Give the one that owns the tables as DATABASE_OWNER_URL, or run "npm run migration:run" as it.`,
    );
  });
  await refuseOther(source);
  return ran.map(({ name }) => name);
}

/** For commands that change no schema. @throws One line for the console, also when a migration is pending. */
export async function assertUpToDate(source: DataSource): Promise<void> {
  const names = await executed(source);
  refuseNewer(names, source);
  if (source.migrations.some((migration) => !names.includes(nameOf(migration))))
    throw new Error('The database is older than this PyTake. Start PyTake once, or run "npm run migration:run".');
  await refuseOther(source);
}

/** Names of the migrations the database remembers, in the order in which they ran. */
export async function executed(source: { query(text: string): Promise<unknown> }): Promise<string[]> {
  const [{ made }] = (await source.query(`SELECT to_regclass('public.migrations') IS NOT NULL AS made`)) as [{ made: boolean }];
  if (!made) return [];
  const rows = (await source.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
  return rows.map(({ name }) => name);
}

/** @throws One line for the console: `names` holds a migration that this version does not have. */
export function refuseNewer(names: readonly string[], { migrations }: Pick<DataSource, 'migrations'>, what = 'The database'): void {
  const unknown = names.filter((name) => !RETIRED.includes(name) && !migrations.some((migration) => nameOf(migration) === name));
  if (unknown.length)
    throw new Error(
      `${what} was made by a newer PyTake: this one does not know ${listed(unknown)}. Use that version again, or a backup of before the upgrade.`,
    );
}

async function refuseOther(source: DataSource): Promise<void> {
  const found = await catalog(source);
  const lines = new Set(found.map(({ line }) => line));
  const missing = sealed.schema.filter((line) => !lines.has(line));
  if (missing.length)
    throw new Error(
      `The database is not what its migrations say, something changed it by hand. Missing or different: ${listed(missing)}. Put it back ("npm run migration:diff" prints the SQL of tables and columns), or restore a backup.`,
    );
  const ours = new Set(sealed.schema.flatMap((line) => /^column (\w+)\./.exec(line)?.[1] ?? []));
  const more = found.filter(({ relation, line }) => relation !== null && ours.has(relation) && !sealed.schema.includes(line));
  if (more.length)
    console.warn(`The database has more than its migrations made, which is left as it is: ${listed(more.map(({ line }) => line))}.`);
}

/** As TypeORM calls it. */
export const nameOf = ({ name, constructor }: MigrationInterface): string => name ?? constructor.name;

const listed = (names: readonly string[]): string =>
  names.slice(0, NAMED_MAX).join('; ') + (names.length > NAMED_MAX ? `; and ${names.length - NAMED_MAX} more` : '');
