import { Injectable, Logger, type Type } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { Config } from '#config/config';
import { onOneConnection, watchConnections } from './connections';
import { isUndone } from './database-errors';
import { TenantRepository } from './tenant-repository';
import type { TenantEntity } from './tenant.entity';

/** A transaction and what leaves after it commits. */
export interface Tx {
  manager: EntityManager;
  /** Runs once the transaction has committed, never when it rolled back: events, sockets, jobs. A failure is logged, not thrown. */
  afterCommit(effect: () => unknown): void;
}

const TX_TRIES = 3;

/** PostgreSQL for the rooms: walled repositories and transactions. */
@Injectable()
export class Database {
  private readonly logger = new Logger(Database.name);

  constructor(
    @InjectDataSource() readonly source: DataSource,
    { production, database_pool_size }: Config,
  ) {
    watchConnections(source, database_pool_size, (error) => {
      if (!production) throw error;
      this.logger.error({ msg: 'a transaction took a second connection', err: error });
    });
  }

  repository<T extends TenantEntity>(entity: Type<T>, tx?: Tx): TenantRepository<T> {
    return new TenantRepository(tx?.manager ?? this.source.manager, entity);
  }

  /**
   * Runs `work` in one transaction (the given one when there is one), then its after-commit effects. All of `work` goes over `tx`. PostgreSQL ends
   * a deadlock by undoing one of the two: that one is run again.
   */
  async tx<R>(work: (tx: Tx) => Promise<R>, within?: Tx): Promise<R> {
    if (within) return work(within);
    for (let attempt = 1; ; attempt++) {
      const effects: (() => unknown)[] = [];
      try {
        const result = await this.source.transaction((manager) =>
          onOneConnection(() => work({ manager, afterCommit: (effect) => effects.push(effect) })),
        );
        await this.follow(effects);
        return result;
      } catch (error) {
        if (attempt >= TX_TRIES || !isUndone(error)) throw error;
      }
    }
  }

  private async follow(effects: (() => unknown)[]): Promise<void> {
    for (const effect of effects) {
      try {
        await effect();
      } catch (error) {
        this.logger.error({ msg: 'after-commit effect failed', err: error });
      }
    }
  }
}
