import type { PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import type { EventBus, Events } from '#common/events';
import { type Prepared, type Sql, rowsOf } from './sql';

/** Something to do once a transaction has committed. */
export type Effect = () => unknown;

/** An event of a transaction. */
export interface Told<K extends keyof Events = keyof Events> {
  name: K;
  payload: Events[K];
}

/** Where events are kept that must be heard whatever becomes of this process. */
export interface FactKeeper {
  /** Whether somebody must hear of it. */
  isKept(name: keyof Events, organization_id: string): boolean;
  /** Writes them within the transaction; answers what to do after its commit. */
  keep(sql: Sql, told: readonly Told[]): Promise<Effect>;
}

/** A transaction and what leaves after it commits; the same over the rooms' connections and over the receipt's own. */
export class Tx implements Sql {
  private readonly effects: Effect[] = [];
  private readonly facts: Told[] = [];
  private made: EntityManager | undefined;

  constructor(
    private readonly client: PoolClient,
    private readonly source: DataSource,
    private readonly events: EventBus,
    private readonly keeper: FactKeeper | null,
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

  /** Tells what happens in this transaction: to who listens in this process once it has committed, and to durable readers surely. */
  tell<K extends keyof Events>(name: K, payload: Events[K]): void {
    this.effects.push(() => this.events.emit(name, payload));
    if ('organization_id' in payload && this.keeper?.isKept(name, payload.organization_id)) this.facts.push({ name, payload });
  }

  /** Runs `work` so that its failure undoes it alone, with what it told and wanted done after the commit. */
  async attempt<R>(work: () => Promise<R>): Promise<R> {
    await this.client.query('SAVEPOINT attempt');
    const [effects, facts] = [this.effects.length, this.facts.length];
    try {
      const result = await work();
      await this.client.query('RELEASE SAVEPOINT attempt');
      return result;
    } catch (error) {
      this.effects.length = effects;
      this.facts.length = facts;
      await this.client.query('ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
      throw error;
    }
  }

  /** Ends it; answers what is to be done now that it has committed. */
  async commit(): Promise<Effect[]> {
    if (this.facts.length && this.keeper) this.effects.push(await this.keeper.keep(this, this.facts));
    await this.client.query('COMMIT');
    return this.effects;
  }
}
