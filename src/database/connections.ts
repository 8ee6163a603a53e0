import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource } from 'typeorm';
import { Turns } from '#common/turns';

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
  const turns = new Turns(size, { wait_ms: TURN_MS });
  driver.obtainMasterConnection = async () => {
    if (transaction.getStore()?.open)
      refuse(
        new Error('A query inside a transaction went to another connection: use the transaction (tx.manager, repository(entity, tx)).'),
      );
    return new Promise((resolve, reject) => {
      const turn = async (): Promise<void> => {
        const [connection, release] = await obtain();
        await new Promise<void>((released) => {
          const giveBack: Release = (error) => {
            release(error);
            released();
          };
          resolve([connection, giveBack]);
        });
      };
      turns.run(turn).catch(reject);
    });
  };
}
