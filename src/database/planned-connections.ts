import { Pool, type PoolClient } from 'pg';
import type { Config } from '#config/config';
import { borrow } from './connections';
import { typesWithInstants } from './instants';
import { type Prepared, type Sql, ask, rowsOf } from './sql';

/** Work that never ends runs the same few statements: planning them anew for their values, as PostgreSQL likes to, can take longer than all the rest. */
const SETTINGS = '-c statement_timeout=30000 -c plan_cache_mode=force_generic_plan -c enable_seqscan=off';
/** A plan that was good for a small table is a bad one when it has grown: so often they are made anew, those of the checks of references too. */
const PLANS_MS = 10_000;

/** Connections on which each prepared statement is planned once, for any values: rows are found by indexes whatever a table's size. */
export class PlannedConnections implements Sql {
  private readonly pool: Pool;
  /** When a connection plans its statements anew. */
  private readonly plans_end_at = new WeakMap<PoolClient, number>();

  constructor({ database_url }: Pick<Config, 'database_url'>, application_name: string, max: number) {
    this.pool = new Pool({
      connectionString: database_url ?? undefined,
      application_name,
      max,
      keepAlive: true,
      connectionTimeoutMillis: 2000,
      idleTimeoutMillis: 0,
      options: SETTINGS,
      types: typesWithInstants,
      pipeline: true,
    });
    this.pool.on('error', () => undefined);
  }

  async run<R>(work: (client: PoolClient) => Promise<R>): Promise<R> {
    const client = await this.pool.connect();
    return borrow([client, (error) => client.release(error)], async () => {
      if (Date.now() >= (this.plans_end_at.get(client) ?? 0)) {
        await ask(client, 'DISCARD PLANS');
        this.plans_end_at.set(client, Date.now() + PLANS_MS);
      }
      return work(client);
    });
  }

  async rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
    return this.run((client) => rowsOf(client, statement, values));
  }

  async end(): Promise<void> {
    await this.pool.end();
  }
}
