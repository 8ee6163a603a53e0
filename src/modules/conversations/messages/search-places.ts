import type { SelectQueryBuilder } from 'typeorm';
import type { Total } from '#common/page.dto';
import type { Tx } from '#database/database';
import type { Place } from '#database/keyset';
import { COMMON_PART, lengthIfCommon, totalOf } from '#database/total';
import type { Message } from './message.entity';

/** So many messages are looked at one by one before anything else. */
const NEAR = 500;
/** Then so many times as many as have what is still wanted, should they be as full of it; where these are too many the index of the words is asked. */
const SPARE = 2;
const NEXT_MAX = 5000;

/** Message by message, in the order of the list. */
const BY_TIME = 'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off';
/** By the index of the words: an order would have the planner read the list itself where it takes a word to be common. */
const BY_WORDS =
  'SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off';

type Places = SelectQueryBuilder<Message>;

export interface Search {
  tx: Tx;
  /** The places of the messages that are searched, in order; null: they have no order by which they can be read. */
  list: Places | null;
  /** Newest first. */
  is_down: boolean;
  /** Of those of them that match. */
  matching: Places;
}

/**
 * The first places of what matches; `is_common`: there is so much of it that counting would say no more. A word that is common has a page among the
 * newest messages, where the index of the words would fetch half a million to show fifty: it knows no time.
 */
export async function firstPlaces(
  { tx, list, is_down, matching }: Search,
  wanted: number,
): Promise<{ places: Place[]; is_common: boolean }> {
  const [beyond, until] = is_down ? ['<', '>='] : ['>', '<='];
  const at = async (offset: number): Promise<Date | null> => {
    const [found] = list ? await tx.rows<Place | undefined>(...list.clone().offset(offset).limit(1).getQueryAndParameters()) : [];
    return found ? (found.value as Date) : null;
  };
  const read = (limit: number, after: Date | null, to: Date | null): Promise<Place[]> => {
    const rows = matching.clone().limit(limit);
    if (after) rows.andWhere(`row.created_at ${beyond} :after`, { after });
    if (to) rows.andWhere(`row.created_at ${until} :to`, { to });
    return tx.rows<Place>(...rows.getQueryAndParameters());
  };

  let places: Place[] = [];
  let edge: Date | null = null;
  let is_common = false;
  if (list) {
    await tx.rows(BY_TIME);
    edge = await at(NEAR);
    const near = await read(Math.max(wanted, NEAR * COMMON_PART), null, edge);
    const enough = lengthIfCommon(NEAR, near.length);
    is_common = enough !== null && (await at(enough)) !== null;
    places = near.slice(0, wanted);
    if (!edge || places.length === wanted) return { places, is_common };

    const next = Math.ceil(NEAR * SPARE * ((wanted - places.length) / places.length));
    if (next <= NEXT_MAX) {
      const end = await at(NEAR + next);
      places.push(...(await read(wanted - places.length, edge, end)));
      if (!end || places.length === wanted) return { places, is_common };
      edge = end;
    }
  }
  await tx.rows(BY_WORDS);
  places.push(...(await read(wanted - places.length, edge, null)));
  return { places, is_common };
}

/** How many match, wherever the list is read from, counted up to `max`. */
export async function countMatches(tx: Tx, matching: SelectQueryBuilder<Message>, max: number): Promise<Total> {
  await tx.rows(BY_WORDS);
  return totalOf(tx, matching.select('1'), max);
}
