import type { Sql } from '#database/sql';

/** Two contacts of an organization that become one. */
export interface Merge {
  organization_id: string;
  keep: string;
  gone: string;
}

/** What a table with a `contact_id` owes to the life of a contact. Runs in the transaction of the merge, set-based. */
export interface ContactRows {
  /** The rows of `gone` become `keep`'s. null: another table of the room moves them along. */
  merge: ((sql: Sql, merge: Merge) => Promise<void>) | null;
  /** After it, where the one is blocked. */
  blocked?: (sql: Sql, merge: Merge) => Promise<void>;
}

/** By table. house.spec holds every table with a `contact_id` to be here. */
export const contactRows = new Map<string, ContactRows>();

/** Says it, beside the room's entity or in a file of its own. */
export function declareContactRows(table: string, rows: ContactRows): void {
  if (contactRows.has(table)) throw new Error(`What ${table} owes to a contact is declared twice`);
  contactRows.set(table, rows);
}
