import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { Bounded } from '#common/bounded';
import type { Total } from '#common/page.dto';
import type { Sql } from './sql';

/** Rows of a list are counted so far (contract 00, section 5: above it a total may be an estimate). */
export const LIST_MAX = 10_000;
/** Rows of a search: each must be looked at, and nobody turns so many pages of what was found. */
export const SEARCH_MAX = 2000;
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
 * The ids of a query's rows, in no order; null where they are many. Of few the newest are found by sorting them, of many by reading the list from its
 * beginning: among a million rows both take about as long here, tens of milliseconds.
 */
export const idsOf = <T extends ObjectLiteral>(connection: Sql, rows: SelectQueryBuilder<T>): Promise<string[] | null> =>
  unlessLong(rows.select(`${rows.alias}.id`, 'id'), SEARCH_MAX, async (text, values) => {
    const found = await connection.rows<{ id: string }>(text, values);
    return { result: found.map(({ id }) => id), count: found.length };
  });

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
