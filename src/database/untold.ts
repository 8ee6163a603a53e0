import { sealedColumns } from './sealed-columns';

/** What of a table leaves in no export of an organization: who has it gets in somewhere, or is let in. */
export interface Untold {
  columns?: readonly string[];
  /** SQL by column, over the row: what is told in its place. */
  instead?: Readonly<Record<string, string>>;
}

const UNTOLD = new Map<string, Untold>();

/** Says it, beside the table's entity. Sealed columns (`declareSealed`) are among them by themselves; house.spec holds every column that sounds secret to it. */
export function declareUntold(table: string, untold: Untold): void {
  if (UNTOLD.has(table)) throw new Error(`What of ${table} is not told is declared twice`);
  UNTOLD.set(table, untold);
}

/** The columns of a table that leave in no export. */
export const untoldColumns = (table: string): ReadonlySet<string> =>
  new Set([...(UNTOLD.get(table)?.columns ?? []), ...(sealedColumns().get(table)?.columns ?? [])]);

/** SQL by column: what is told in its place. */
export const toldInstead = (table: string): Readonly<Record<string, string>> => UNTOLD.get(table)?.instead ?? {};

/** Every table that says so itself. */
export const untold = (): ReadonlyMap<string, Untold> => UNTOLD;
