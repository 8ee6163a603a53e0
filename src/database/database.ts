import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger, type Type } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { PoolClient } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { EventBus } from '#common/events';
import { TurnsByKey } from '#common/turns-by-key';
import { Config } from '#config/config';
import { Alike } from './alike';
import { borrow, isInTransaction, onOneConnection, takeConnection, watchConnections } from './connections';
import { isUndone } from './database-errors';
import { Gathered } from './gathered';
import type { PlannedConnections } from './planned-connections';
import { Rush } from './rush';
import { type Prepared, type Sql, ask, rowsOf, tracedByTypeorm } from './sql';
import { TenantRepository } from './tenant-repository';
import type { TenantEntity } from './tenant.entity';
import { type ActKeeper, type AnswerKeeper, type Effect, type FactKeeper, type Keepers, type Told, Tx } from './tx';

export { Tx, type Told };

type Row = Record<string, unknown>;

/** What a transaction answers, and what is to be done now that it has committed. */
type Committed<R> = [result: R, effects: Effect[]];

const TX_TRIES = 3;

/** PostgreSQL for the rooms: walled repositories, SQL and transactions. */
@Injectable()
export class Database implements Sql {
  private readonly logger = new Logger(Database.name);
  private readonly keepers: Keepers = {};
  private readonly lookups = new Map<Prepared, Gathered<string, Row[]>>();
  /** Lists that many ask for at the same moment. */
  readonly alike = new Alike();
  /** Of what one row's lock is wanted for: the second one waits for the lock while the first one commits. */
  private readonly turns = new TurnsByKey(2);
  /** Of organizations whose calls wait for connections. */
  readonly rush: Rush;
  /** Nobody's request. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    @InjectDataSource() readonly source: DataSource,
    { production, database_pool_size }: Config,
    private readonly events: EventBus,
  ) {
    source.subscribers.push(tracedByTypeorm);
    const awaitedAt = watchConnections(source, database_pool_size, (error) => {
      if (!production) throw error;
      this.logger.error({ msg: 'a transaction took a second connection', err: error });
    });
    this.rush = new Rush(awaitedAt);
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

  /** As `rows` for one id; those of all ids that are wanted at this moment are asked for together, so rows are shared: not to be changed in place. */
  async lookup<R>(statement: Prepared, by: string, organization_id: string, id: string): Promise<R[]> {
    if (isInTransaction()) return this.rows(statement, [organization_id, [id]]);
    let asks = this.lookups.get(statement);
    if (!asks) {
      asks = this.outside(() => new Gathered((organization: string, ids: string[]) => this.rowsOfEach(statement, by, organization, ids)));
      this.lookups.set(statement, asks);
    }
    return (await asks.ask(organization_id, id)) as R[];
  }

  private async rowsOfEach(statement: Prepared, by: string, organization_id: string, ids: string[]): Promise<Row[][]> {
    const rows = Map.groupBy(await this.rows<Row>(statement, [organization_id, [...new Set(ids)]]), (row) => row[by]);
    // However the caller spells it.
    return ids.map((id) => rows.get(id.toLowerCase()) ?? []);
  }

  /**
   * Runs `work` in one transaction (the given one when there is one), then its after-commit effects. All of `work` goes over `tx`. PostgreSQL ends
   * a deadlock by undoing one of the two: that one is run again.
   */
  async tx<R>(work: (tx: Tx) => Promise<R>, within?: Tx): Promise<R> {
    if (within) return work(within);
    return this.follow(await this.begin(work));
  }

  /** The same on connections of which nobody's request takes any. */
  async txOn<R>(connections: PlannedConnections, work: (tx: Tx) => Promise<R>): Promise<R> {
    return this.follow(await again(() => connections.run((client) => this.transaction(client, work))));
  }

  /** The same, after those that were asked for before with the same key, such as the id of a row that all of them lock: each held a connection to wait. */
  async txInTurn<R>(organization_id: string, key: string, work: (tx: Tx) => Promise<R>): Promise<R> {
    return this.follow(await this.turns.run(`${organization_id} ${key}`, () => this.begin(work)));
  }

  private begin<R>(work: (tx: Tx) => Promise<R>): Promise<Committed<R>> {
    return again(async () => borrow(await takeConnection(this.source), (client) => this.transaction(client, work)));
  }

  /** Runs `work` in a transaction on a connection that is held; answers what is to be done now that it has committed. */
  async transaction<R>(client: PoolClient, work: (tx: Tx) => Promise<R>): Promise<Committed<R>> {
    const tx = new Tx(client, this.source, this.events, this.keepers);
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

  private async follow<R>([result, effects]: Committed<R>): Promise<R> {
    for (const effect of effects) {
      try {
        await effect();
      } catch (error) {
        this.logger.error({ msg: 'after-commit effect failed', err: error });
      }
    }
    return result;
  }
}

/** Runs a transaction; once more where PostgreSQL undid it. */
async function again<R>(run: () => Promise<Committed<R>>): Promise<Committed<R>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt >= TX_TRIES || !isUndone(error)) throw error;
    }
  }
}
