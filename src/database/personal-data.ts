import type { Actor } from '#common/actor';
import type { Tx } from './tx';

/**
 * What becomes of the rows of somebody who is forgotten: they go; what says who it was is blanked, or replaced by a word of nobody (`words`: SQL by
 * column, over the row); they stay, and why.
 */
export type Forgetting = 'delete' | { blank: readonly string[]; words?: Readonly<Record<string, string>> } | { keep: string };

/** Two contacts of an organization that become one. */
export interface Merge {
  /** Who merges them, in their organization. */
  actor: Actor;
  keep: string;
  gone: string;
}

/** What a table with a `contact_id` owes to the life of a contact. */
export interface ContactRows {
  /** The rows of `gone` become `keep`'s, set-based, in the transaction of the merge. null: another table of the room moves them along. */
  merge: ((tx: Tx, merge: Merge) => Promise<void>) | null;
  /** After it, where the one is blocked. */
  blocked?: (tx: Tx, merge: Merge) => Promise<void>;
  /** Contract 10, 10: the contact is erased. */
  erase: Forgetting;
  /** The contact is made nobody's; times, states and counts stay. */
  anonymize: Forgetting;
  /** Which rows are contact $2's of organization $1; default: those that name them. */
  where?: string;
  /** Deals with what hangs on rows that are forgotten next, in that transaction. */
  detach?: (tx: Tx, organization_id: string, ids: readonly string[]) => Promise<void>;
  /** The columns the person is given. */
  export: readonly string[];
  /** Which of the rows the person is given; default: all. */
  export_where?: string;
}

/** What a table that names a user owes when that user is erased or asks for their data. */
export interface UserRows {
  erase: Forgetting;
  export: readonly string[];
  /** Which of the rows the user is given; default: all. */
  export_where?: string;
}

/** By table; house.spec holds every table that names a contact, or a user, to be here. */
export const contactRows = new Map<string, ContactRows>();
export const userRows = new Map<string, UserRows>();

/** A table that names nobody by id and keeps copies of what was said: rows with one of the person's names in them go. */
export interface Traces {
  /** SQL: what of a row may hold a name. */
  text: string;
  /** SQL: which rows may go; default: all. */
  where?: string;
  /** The column they are walked by: an index begins with it, or with the organization and it. */
  walk: string;
}

export const traces = new Map<string, Traces>();

export function declareTraces(table: string, declared: Traces): void {
  if (traces.has(table)) throw new Error(`How traces leave ${table} is declared twice`);
  traces.set(table, declared);
}

/** Says it, beside the room's entity or in a file of its own. */
export const declareContactRows = (table: string, rows: ContactRows): void => declare(contactRows, 'a contact', table, rows);
export const declareUserRows = (table: string, rows: UserRows): void => declare(userRows, 'a user', table, rows);

function declare<T>(all: Map<string, T>, whom: string, table: string, rows: T): void {
  if (all.has(table)) throw new Error(`What ${table} owes to ${whom} is declared twice`);
  all.set(table, rows);
}
