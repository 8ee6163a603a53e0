import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Bounded } from '#common/bounded';
import type { Total } from '#common/page.dto';
import type { Condition, Sql } from './sql';

/** Rows of a list are counted so far (contract 00, section 5: above it a total may be an estimate). */
export const LIST_MAX = 10_000;
/** Rows of a search: each must be looked at, and nobody turns so many pages of what was found. */
export const SEARCH_MAX = 2000;
/** So many of the newest of a list tell what is common in it. */
const NEWEST = 300;
/** What this part of the newest meets. */
export const COMMON_PART = 0.04;
/** A list that was longer is taken to be so still, for so long: counting again would find the same floor. */
const LONG_MS = 10 * 60_000;

const long = new Bounded<string, number>({ count: 1000 });

/** How many rows a query has, up to `max`. */
export async function totalOf<T extends ObjectLiteral>(connection: Sql, rows: SelectQueryBuilder<T>, max: number): Promise<Total> {
  const total = await unlessLong(rows, max, async (text, values) => {
    const [{ count }] = await connection.rows<{ count: number }>(`SELECT count(*)::int AS count FROM (${text}) counted`, values);
    return { result: count, count };
  });
  return { total: total ?? max, is_estimate: total === null };
}

/**
 * The ids of a list's rows that meet a condition, in no order; null where they are many. Of few the newest are found by sorting them, of many by
 * reading the list from its beginning: among a million rows both take about as long here, tens of milliseconds. `is_vague`: an index would fetch
 * everything that might meet it before the first is known, so the list's newest are asked first.
 */
export const idsOf = <T extends ObjectLiteral>(
  connection: Sql,
  list: SelectQueryBuilder<T>,
  condition: Condition,
  is_vague: boolean,
): Promise<string[] | null> =>
  unlessLong(list.clone().andWhere(condition.sql, condition.values).select(`${list.alias}.id`, 'id'), SEARCH_MAX, async (text, values) => {
    if (is_vague && (await isCommon(connection, list, condition))) return { result: [], count: Infinity };
    const found = await connection.rows<{ id: string }>(text, values);
    return { result: found.map(({ id }) => id), count: found.length };
  });

/** Whether so many of the newest meet it that of as many as there are more than SEARCH_MAX will. */
async function isCommon<T extends ObjectLiteral>(
  connection: Sql,
  list: SelectQueryBuilder<T>,
  { sql, values }: Condition,
): Promise<boolean> {
  const newest = list.clone().orderBy(`${list.alias}.created_at`, 'DESC').addOrderBy(`${list.alias}.id`, 'DESC');
  const [text, parameters] = newest.clone().select(sql, 'meets').setParameters(values).limit(NEWEST).getQueryAndParameters();
  const [{ met }] = await connection.rows<{ met: number }>(
    `SELECT count(*) FILTER (WHERE meets)::int AS met FROM (${text}) newest`,
    parameters,
  );
  const enough = lengthIfCommon(NEWEST, met);
  if (enough === null) return false;
  const far = await connection.rows(...newest.select(`${list.alias}.id`, 'id').offset(enough).limit(1).getQueryAndParameters());
  return far.length > 0;
}

/** How long a list is of which more than SEARCH_MAX surely meet what `met` of its `newest` do; null: too few do to say. */
export const lengthIfCommon = (newest: number, met: number): number | null =>
  met < newest * COMMON_PART ? null : Math.ceil((2 * SEARCH_MAX * newest) / met);

async function unlessLong<T extends ObjectLiteral, R>(
  rows: SelectQueryBuilder<T>,
  max: number,
  read: (text: string, values: unknown[]) => Promise<{ result: R; count: number }>,
): Promise<R | null> {
  const [text, values] = rows.limit(max + 1).getQueryAndParameters();
  const list = JSON.stringify([text, values]);
  if ((long.get(list) ?? 0) > Date.now()) return null;
  const { result, count } = await read(text, values);
  if (count <= max) return result;
  long.set(list, Date.now() + LONG_MS);
  return null;
}
