import type { DataSource } from 'typeorm';
import type { Database } from './database';
import type { Forgetting, Traces } from './personal-data';
import type { Tx } from './tx';

/** Rows of a person in one table. */
export interface PersonRows {
  table: string;
  /** SQL: which they are, of organization $1 and person $2. */
  where: string;
  forgetting: Forgetting;
  ids: readonly string[];
  /** What hangs on these rows, before it is done. */
  detach?: (tx: Tx, organization_id: string, ids: readonly string[]) => Promise<void>;
  /** At most so many; default: all. */
  limit?: number;
}

/** Deletes or blanks rows of a person; answers how many. What is blank already is not counted again. */
export async function forgetRows(tx: Tx, { table, where, forgetting, ids, detach, limit }: PersonRows): Promise<number> {
  if (typeof forgetting === 'object' && 'keep' in forgetting) return 0;
  const changes = forgetting === 'delete' ? [] : wordsOf(tx.manager.connection, table, forgetting);
  const left = changes.map(([column, word]) => `${column} IS DISTINCT FROM ${word}`).join(' OR ') || 'true';
  const some = `FROM ${table} WHERE (${where}) AND (${left}) ${limit === undefined ? '' : `LIMIT ${limit}`}`;
  const forget =
    forgetting === 'delete' ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${changes.map((change) => change.join(' = ')).join(', ')}`;
  if (!detach) return (await tx.rows(`${forget} WHERE ctid = ANY(ARRAY(SELECT ctid ${some})) RETURNING 1`, ids)).length;
  const found = await tx.rows<{ id: string }>(`SELECT id ${some} FOR UPDATE`, ids);
  const gone = found.map(({ id }) => id);
  if (gone.length) await detach(tx, ids[0], gone);
  if (gone.length) await tx.rows(`${forget} WHERE organization_id = $1 AND id = ANY($2)`, [ids[0], gone]);
  return gone.length;
}

/** Each column and what takes the place of what it says: its declared word, NULL, or its emptiness. */
function wordsOf(
  source: DataSource,
  table: string,
  { blank, words = {} }: Extract<Forgetting, { blank: unknown }>,
): [column: string, word: string][] {
  const columns = source.entityMetadatas.find(({ tableName }) => tableName === table)?.columns ?? [];
  const emptiness = new Map(
    columns.map(({ databaseName, isNullable, type, default: value }) => {
      if (isNullable) return [databaseName, 'NULL'];
      return [databaseName, type === 'jsonb' ? `'${JSON.stringify(value ?? {})}'::jsonb` : "''"];
    }),
  );
  return blank.map((column) => [column, words[column] ?? emptiness.get(column) ?? 'NULL']);
}

/** Of a step: a table is walked in parts, none of which holds locks for long. */
const STEP = 2000;

/** Deletes the rows of a table in which one of the names stands; answers how many. */
export async function forgetTraces(
  database: Database,
  table: string,
  { text, where = 'true', walk }: Traces,
  organization_id: string,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  let gone = 0;
  for (let after: unknown; !signal?.aborted;) {
    const [step] = await database.rows<{ looked: number; gone: number; last: unknown }>(
      `WITH step AS MATERIALIZED (
         SELECT ctid AS place, ${walk} AS walked, organization_id = $1 AND ${where} AND EXISTS (SELECT FROM unnest($2::text[]) AS name WHERE strpos(${text}, name) > 0) AS is_theirs
           FROM ${table} WHERE ${after === undefined ? 'true' : `${walk} > $3`} ORDER BY ${walk} LIMIT ${STEP}),
       removed AS (DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT place FROM step WHERE is_theirs)) RETURNING 1)
       SELECT (SELECT count(*)::int FROM step) AS looked, (SELECT count(*)::int FROM removed) AS gone,
              (SELECT walked FROM step ORDER BY walked DESC LIMIT 1) AS last`,
      [organization_id, names, ...(after === undefined ? [] : [after])],
    );
    gone += step.gone;
    if (step.looked < STEP) break;
    after = step.last;
  }
  return gone;
}
