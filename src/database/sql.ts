import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import type { ClientBase, QueryResult } from 'pg';
import type { EntitySubscriberInterface } from 'typeorm';
import { queryTimes } from '#observability/metrics';
import { inSpan, pastSpan } from '#observability/tracing';
import { askPrepared } from './prepared-query';

/** A statement each connection parses and plans once. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** Something that runs SQL: a transaction, or the pool. */
export interface Sql {
  /** What a statement answers: a SELECT's rows, and those of a RETURNING. */
  rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]>;
}

const statements = new Map<string, Prepared>();

/**
 * Makes a statement a prepared one: for rows found by their key, whose best plan never depends on the values. Its columns are spelled out, since
 * one that says `*` fails when a migration adds a column. For texts of ours alone: each is kept by every connection.
 */
export function prepared(text: string): Prepared {
  let statement = statements.get(text);
  if (!statement) statements.set(text, (statement = { name: createHash('sha256').update(text).digest('base64url').slice(0, 24), text }));
  return statement;
}

/** Gives a connection a statement. Those given in the same breath leave in one packet: PostgreSQL is woken once for them. */
export function ask(client: ClientBase, statement: string | Prepared, values?: unknown[]): Promise<QueryResult> {
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
  if (!stream.writableCorked) {
    stream.cork();
    process.nextTick(() => stream.uncork());
  }
  return typeof statement === 'string' ? client.query(statement, values) : askPrepared(client, statement, values);
}

/** Runs a statement on a connection. */
export async function rowsOf<R>(client: ClientBase, statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
  const began = performance.now();
  try {
    const { rows } = await inSpan(
      'postgresql',
      () => spanOf(typeof statement === 'string' ? statement : statement.text),
      () => ask(client, statement, values as unknown[]),
    );
    return rows as R[];
  } finally {
    queryTimes.observe((performance.now() - began) / 1000);
  }
}

/** TypeORM's statements, which it gives the connection itself. */
export const tracedByTypeorm: Pick<EntitySubscriberInterface, 'afterQuery'> = {
  afterQuery: ({ query, executionTime = 0 }) => {
    queryTimes.observe(executionTime / 1000);
    pastSpan('postgresql', executionTime, () => spanOf(query));
  },
};

/** The statement without its values, which are none of a trace's business. */
const spanOf = (text: string): Record<string, string> => ({
  'db.query.text': text
    .replace(/'(?:[^']|'')*'/g, '?')
    .replace(/\s+/g, ' ')
    .trim(),
});

/** A connection of one's own as such. */
export const sqlOf = (client: ClientBase): Sql => ({ rows: (statement, values) => rowsOf(client, statement, values) });

/** A condition in SQL and its parameters. */
export interface Condition {
  sql: string;
  values: Record<string, unknown>;
}
