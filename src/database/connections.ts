import { AsyncLocalStorage } from 'node:async_hooks';
import type { PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { Turns } from '#common/turns';
import { isDatabaseDown } from './database-errors';

/** A request waits this long for its turn, then it is told to come back. */
const TURN_MS = 10_000;

/** The transaction a call is made in; ended ones hold nobody back (work that was only started in them). */
const transaction = new AsyncLocalStorage<{ open: boolean }>();

/** For whom a call is made; nobody named: ours, or not known yet. */
const caller = new AsyncLocalStorage<{ organization_id?: string }>();

/** Runs `work` for an organization, or for one that `actsFor` names once it is known. Whose it is decides the turn, never what may be seen. */
export const onBehalf = <R>(work: () => R, organization_id?: string): R => caller.run({ organization_id }, work);

/** Names the organization of the call that runs; none: what it left running is ours again. */
export function actsFor(organization_id: string | undefined): void {
  const call = caller.getStore();
  if (call) call.organization_id = organization_id;
}

/** Runs the work of a transaction: whatever it queries goes over the transaction's own connection. */
export async function onOneConnection<R>(work: () => Promise<R>): Promise<R> {
  const scope = { open: true };
  try {
    return await transaction.run(scope, work);
  } finally {
    scope.open = false;
  }
}

/** Whether this is called within a transaction that has not ended. */
export const isInTransaction = (): boolean => transaction.getStore()?.open === true;

type Release = (error?: Error) => void;

/** A connection of the pool and how to give it back; with an error it is closed. */
export type Borrowed = [client: PoolClient, release: Release];

interface PostgresDriver {
  obtainMasterConnection(): Promise<Borrowed>;
}

/** A connection out of the rooms' pool. */
export const takeConnection = (source: DataSource): Promise<Borrowed> =>
  (source.driver as unknown as PostgresDriver).obtainMasterConnection();

/** Runs `work` on a connection and gives it back, or closes it when it broke meanwhile. */
export async function borrow<R>([client, release]: Borrowed, work: (client: PoolClient) => Promise<R>): Promise<R> {
  let broken: Error | undefined;
  // The pool hears of the end of idle connections only; unheard, it would end the process.
  const lost = (error: Error): void => void (broken = error);
  client.on('error', lost);
  try {
    return await work(client);
  } catch (error) {
    if (isDatabaseDown(error)) broken ??= error as Error;
    throw error;
  } finally {
    client.off('error', lost);
    release(broken);
  }
}

/**
 * Who wants a connection waits in line here: the pool's own wait ends with the time that opening a connection may take, and 50 agents who answer at
 * once are no outage. Organizations take turns: one whose writes wait for each other keeps nobody else out.
 *
 * A transaction that asks for a second connection waits for one that the others hold, who wait for theirs: with as many at once as there are
 * connections nobody goes on. `refuse` hears of every such wish, and by throwing denies it.
 *
 * Answers when a call of an organization waited last, as `performance.now()` tells time.
 */
export function watchConnections(source: DataSource, size: number, refuse: (error: Error) => void): (organization_id: string) => number {
  const driver = source.driver as unknown as PostgresDriver;
  const obtain = driver.obtainMasterConnection.bind(driver);
  const turns = new Turns(size, { wait_ms: TURN_MS, shared: true });
  driver.obtainMasterConnection = async () => {
    if (isInTransaction())
      refuse(new Error('A query inside a transaction went to another connection: use the transaction (tx.rows, repository(entity, tx)).'));
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
      turns.run(turn, caller.getStore()?.organization_id).catch(reject);
    });
  };
  return (organization_id) => turns.awaitedAt(organization_id);
}
