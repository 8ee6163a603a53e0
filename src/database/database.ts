import { Injectable, Logger, type Type } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { PoolClient } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { EventBus } from '#common/events';
import { Config } from '#config/config';
import { borrow, onOneConnection, takeConnection, watchConnections } from './connections';
import { isUndone } from './database-errors';
import { type Prepared, type Sql, ask, rowsOf } from './sql';
import { TenantRepository } from './tenant-repository';
import type { TenantEntity } from './tenant.entity';
import { type ActKeeper, type AnswerKeeper, type Effect, type FactKeeper, type Keepers, type Told, Tx } from './tx';

export { Tx, type Told };

const TX_TRIES = 3;

/** PostgreSQL for the rooms: walled repositories, SQL and transactions. */
@Injectable()
export class Database implements Sql {
  private readonly logger = new Logger(Database.name);
  private readonly keepers: Keepers = {};

  constructor(
    @InjectDataSource() readonly source: DataSource,
    { production, database_pool_size }: Config,
    private readonly events: EventBus,
  ) {
    watchConnections(source, database_pool_size, (error) => {
      if (!production) throw error;
      this.logger.error({ msg: 'a transaction took a second connection', err: error });
    });
  }

  get manager(): EntityManager {
    return this.source.manager;
  }

  /** Where the events of transactions are kept. */
  keepFactsIn(keeper: FactKeeper): void {
    this.keepers.facts = keeper;
  }

  /** Where the acts of transactions are kept. */
  keepActsIn(keeper: ActKeeper): void {
    this.keepers.acts = keeper;
  }

  /** Where the answers of requests are kept. */
  keepAnswersIn(keeper: AnswerKeeper): void {
    this.keepers.answers = keeper;
  }

  repository<T extends TenantEntity>(entity: Type<T>, tx: Tx | Database = this): TenantRepository<T> {
    return new TenantRepository(tx, entity);
  }

  async rows<R>(statement: string | Prepared, values?: readonly unknown[]): Promise<R[]> {
    return borrow(await takeConnection(this.source), (client) => rowsOf(client, statement, values));
  }

  /**
   * Runs `work` in one transaction (the given one when there is one), then its after-commit effects. All of `work` goes over `tx`. PostgreSQL ends
   * a deadlock by undoing one of the two: that one is run again.
   */
  async tx<R>(work: (tx: Tx) => Promise<R>, within?: Tx): Promise<R> {
    if (within) return work(within);
    for (let attempt = 1; ; attempt++) {
      try {
        const [result, effects] = await borrow(await takeConnection(this.source), (client) => this.transaction(client, work));
        await this.follow(effects);
        return result;
      } catch (error) {
        if (attempt >= TX_TRIES || !isUndone(error)) throw error;
      }
    }
  }

  /** Runs `work` in a transaction on a connection that is held, its statements by `run`; answers what is to be done now that it has committed. */
  async transaction<R>(client: PoolClient, work: (tx: Tx) => Promise<R>, run = rowsOf): Promise<[result: R, effects: Effect[]]> {
    const tx = new Tx(client, this.source, this.events, this.keepers, run);
    // It fails only where the connection ends, and everything after it with it.
    const begun = ask(client, 'BEGIN');
    begun.catch(() => undefined);
    try {
      const result = await onOneConnection(() => work(tx));
      await begun;
      return [result, await tx.commit()];
    } catch (error) {
      // A connection that cannot even do that is closed by the pool.
      await ask(client, 'ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  private async follow(effects: Effect[]): Promise<void> {
    for (const effect of effects) {
      try {
        await effect();
      } catch (error) {
        this.logger.error({ msg: 'after-commit effect failed', err: error });
      }
    }
  }
}
