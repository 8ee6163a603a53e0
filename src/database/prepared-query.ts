import { type ClientBase, Query, type QueryResult } from 'pg';
import type { Prepared } from './sql';

/** How the rows of a statement's answers are read. */
interface Reading {
  fields: unknown;
  _parsers: unknown;
  _prebuiltEmptyResultObject: unknown;
}

/** What pg's Query is beside its types (8.23.1, lib/query.js). */
interface Driver {
  _result: Reading;
  _accumulateRows: boolean;
  prepare(connection: object): void;
  handleRowDescription(description: object): void;
}

const driver = Query.prototype as unknown as Driver;

/** What a connection knows of the statements it has prepared. */
class Known {
  readonly readings = new Map<string, Reading>();
  /** The driver's connection, but asked for no description. */
  readonly undescribed: object;

  constructor(client: ClientBase) {
    const { connection } = client as unknown as { connection: object };
    this.undescribed = Object.create(connection, { describe: { value: () => undefined } }) as object;
  }
}

const connections = new WeakMap<ClientBase, Known>();

type Done = (error: Error | undefined, result: QueryResult) => void;

/**
 * A prepared statement's query. Its answers have the same columns each time, and PostgreSQL refuses it when they would not: they are described once,
 * where the driver has them described, and works out how to read the rows, with each answer. Of sixty columns that took a third of the time.
 */
class PreparedQuery extends Query {
  constructor(
    private readonly name: string,
    text: string,
    values: unknown[] | undefined,
    done: Done,
    private readonly known: Known,
  ) {
    // A text: of any other form the driver takes a copy.
    super(text, values, done);
  }

  prepare(connection: object): void {
    const reading = this.known.readings.get(this.name);
    if (!reading) return driver.prepare.call(this, connection);
    this.driven._accumulateRows = true;
    Object.assign(this.driven._result, reading);
    driver.prepare.call(this, this.known.undescribed);
  }

  handleRowDescription(description: object): void {
    driver.handleRowDescription.call(this, description);
    const { fields, _parsers, _prebuiltEmptyResultObject } = this.driven._result;
    this.known.readings.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject });
  }

  private get driven(): Driver {
    return this as unknown as Driver;
  }
}

/** Gives a connection a prepared statement. */
export async function askPrepared(client: ClientBase, { name, text }: Prepared, values?: unknown[]): Promise<QueryResult> {
  const known = connections.get(client) ?? new Known(client);
  connections.set(client, known);
  try {
    return await new Promise<QueryResult>((resolve, reject) => {
      client.query(new PreparedQuery(name, text, values, (error, result) => (error ? reject(error) : resolve(result)), known));
    });
  } catch (error) {
    // Its stack ends at the socket; who asked stands in this one.
    Error.captureStackTrace(error as Error);
    throw error;
  }
}
