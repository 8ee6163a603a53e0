import { AsyncLocalStorage } from 'node:async_hooks';
import { Unavailable } from '#common/errors';
import { isDatabaseDown } from './database-errors';

interface Ask<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** Of one statement. */
const MAX_ITEMS = 100;

/**
 * Asks the same thing for many rows of an organization in few statements: while one is on its way the next ones gather, as in PostgreSQL's own group
 * commit. At rest each goes at once and alone. `work` answers its items in their order; where it fails, each is tried alone, so that none fails for
 * another's sake. Organizations do not wait for each other's locks.
 */
export class Gathered<Item, Result> {
  /** Who waits, by organization; there as long as something of it is on its way. */
  private readonly waiting = new Map<string, Ask<Item, Result>[]>();
  /** It is nobody's request that asks for all: it does not wait for a connection behind them. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(private readonly work: (organization_id: string, items: Item[]) => Promise<Result[]>) {}

  ask(organization_id: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const asks = this.waiting.get(organization_id);
      if (asks) return void asks.push({ item, resolve, reject });
      this.waiting.set(organization_id, [{ item, resolve, reject }]);
      void this.outside(() => this.run(organization_id));
    });
  }

  private async run(organization_id: string): Promise<void> {
    const asks = this.waiting.get(organization_id) ?? [];
    // Those of the same breath go together.
    await Promise.resolve();
    while (asks.length) await this.settle(organization_id, asks.splice(0, MAX_ITEMS));
    this.waiting.delete(organization_id);
  }

  private async settle(organization_id: string, asks: Ask<Item, Result>[]): Promise<void> {
    try {
      const results = await this.work(
        organization_id,
        asks.map(({ item }) => item),
      );
      asks.forEach(({ resolve }, n) => resolve(results[n]));
    } catch (error) {
      if (asks.length === 1 || error instanceof Unavailable || isDatabaseDown(error)) for (const { reject } of asks) reject(error);
      else for (const each of asks) await this.settle(organization_id, [each]);
    }
  }
}
