import { Invalid } from './errors';
import { type Page, type PageQuery, pageWindow, parseSort, toPage } from './page.dto';

interface ListOptions<T> {
  /** Fields `search` looks in, accents and case aside. */
  search: (keyof T & string)[];
  sort: (keyof T & string)[];
  /** `field:asc|desc` when the caller names none; absent: as given. */
  default_sort?: string;
}

/** One page of a short list that is at hand whole: search, sort and envelope of every list. */
export function pageOfList<T>(rows: readonly T[], query: PageQuery, { search, sort, default_sort }: ListOptions<T>): Page<T> {
  const words = fold(query.search?.trim() ?? '');
  const found = rows.filter((row) => search.some((field) => fold(String(row[field] ?? '')).includes(words)));
  const order = query.sort ?? default_sort;
  if (order !== undefined) {
    const [field, direction] = parseSort(order, sort);
    const sign = direction === 'ASC' ? 1 : -1;
    found.sort((a, b) => sign * compare(a[field as keyof T], b[field as keyof T]));
  }
  const { skip, limit } = pageWindow(query);
  const start = query.cursor === undefined ? skip : placeOf(query.cursor);
  const next_cursor = start + limit < found.length ? Buffer.from(String(start + limit)).toString('base64url') : null;
  return toPage({ items: found.slice(start, start + limit), next_cursor }, { total: found.length, is_estimate: false }, query);
}

const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** What has no value counts as the smallest, as in every list. */
function compare(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en');
}

/** @throws {Invalid} It is none of this list's cursors. */
function placeOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!/^\d{1,9}$/.test(text)) throw Invalid.query('cursor', 'Give the next_cursor of an earlier page, with the same sort.');
  return Number(text);
}
