import { AsyncLocalStorage } from 'node:async_hooks';
import { isDatabaseDown } from './database-errors';

interface Ask<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/** Of one statement. */
const MAX_ITEMS = 100;

/**
 * Asks many the same thing in few statements: while one is on its way the next ones gather, as in PostgreSQL's own group commit. At rest each goes
 * at once and alone. `work` answers its items in their order; where it fails, each is tried alone, so that none fails for another's sake.
 */
export class Gathered<Item, Result> {
  private waiting: Ask<Item, Result>[] = [];
  private running = false;
  /** It is nobody's request that asks for all. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(private readonly work: (items: Item[]) => Promise<Result[]>) {}

  ask(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, resolve, reject });
      if (!this.running) void this.outside(() => this.run());
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    // Those of the same breath go together.
    await Promise.resolve();
    while (this.waiting.length) await this.settle(this.waiting.splice(0, MAX_ITEMS));
    this.running = false;
  }

  private async settle(asks: Ask<Item, Result>[]): Promise<void> {
    try {
      const results = await this.work(asks.map(({ item }) => item));
      asks.forEach(({ resolve }, n) => resolve(results[n]));
    } catch (error) {
      if (asks.length === 1 || isDatabaseDown(error)) for (const { reject } of asks) reject(error);
      else for (const each of asks) await this.settle([each]);
    }
  }
}
