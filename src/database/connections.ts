import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource } from 'typeorm';
import { Unavailable } from '#common/errors';

/** A request waits this long for its turn, then it is told to come back. */
const TURN_MS = 10_000;

/** The transaction a call is made in; ended ones hold nobody back (work that was only started in them). */
const transaction = new AsyncLocalStorage<{ open: boolean }>();

/** Runs the work of a transaction: whatever it queries goes over the transaction's own connection. */
export async function onOneConnection<R>(work: () => Promise<R>): Promise<R> {
  const scope = { open: true };
  try {
    return await transaction.run(scope, work);
  } finally {
    scope.open = false;
  }
}

/** So many at a time, the others in the order they came. */
class Turns {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  /** @throws {Unavailable} It took too long. */
  async take(): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.waiting.splice(this.waiting.indexOf(turn), 1);
      reject(new Unavailable('The server is busy. Try again in a moment.'));
    }, TURN_MS);
    const turn = (): void => {
      clearTimeout(timer);
      resolve();
    };
    this.waiting.push(turn);
    return promise;
  }

  give(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}

type Release = (error?: Error) => void;

interface PostgresDriver {
  obtainMasterConnection(): Promise<[connection: unknown, release: Release]>;
}

/**
 * Who wants a connection waits in line here: the pool's own wait ends with the time that opening a connection may take, and 50 agents who answer at
 * once are no outage.
 *
 * A transaction that asks for a second connection waits for one that the others hold, who wait for theirs: with as many at once as there are
 * connections nobody goes on. `refuse` hears of every such wish, and by throwing denies it.
 */
export function watchConnections(source: DataSource, size: number, refuse: (error: Error) => void): void {
  const driver = source.driver as unknown as PostgresDriver;
  const obtain = driver.obtainMasterConnection.bind(driver);
  const turns = new Turns(size);
  driver.obtainMasterConnection = async () => {
    if (transaction.getStore()?.open)
      refuse(
        new Error('A query inside a transaction went to another connection: use the transaction (tx.manager, repository(entity, tx)).'),
      );
    await turns.take();
    try {
      const [connection, release] = await obtain();
      return [
        connection,
        (error) => {
          release(error);
          turns.give();
        },
      ];
    } catch (error) {
      turns.give();
      throw error;
    }
  };
}
