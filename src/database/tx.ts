import type { PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { type Prepared, type Sql, rowsOf } from './sql';

/** Something to do once a transaction has committed. */
export type Effect = () => unknown;

/** A transaction and what leaves after it commits; the same over the rooms' connections and over the receipt's own. */
export class Tx implements Sql {
  private effects: Effect[] = [];
  private made: EntityManager | undefined;

  constructor(
    private readonly client: PoolClient,
    private readonly source: DataSource,
  ) {}

  rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
    return rowsOf(this.client, statement, values);
  }

  /** TypeORM on this transaction's connection, for its query builder. */
  get manager(): EntityManager {
    if (!this.made) {
      const runner = this.source.createQueryRunner();
      // To TypeORM the connection is there and its transaction runs: it takes no other one and begins none.
      Object.assign(runner, { databaseConnection: this.client, isTransactionActive: true, transactionDepth: 1 });
      this.made = runner.manager;
    }
    return this.made;
  }

  /** Runs once the transaction has committed, never when it rolled back: events, sockets, jobs. A failure is logged, not thrown. */
  afterCommit(effect: Effect): void {
    this.effects.push(effect);
  }

  /** Runs `work` so that its failure undoes it alone, with what it wanted done after the commit. */
  async attempt<R>(work: () => Promise<R>): Promise<R> {
    await this.client.query('SAVEPOINT attempt');
    const before = this.effects.length;
    try {
      const result = await work();
      await this.client.query('RELEASE SAVEPOINT attempt');
      return result;
    } catch (error) {
      this.effects.length = before;
      await this.client.query('ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
      throw error;
    }
  }

  /** What is to be done now that it has committed, once. */
  leave(): Effect[] {
    return this.effects.splice(0);
  }
}
