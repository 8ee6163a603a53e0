import { setTimeout as sleep } from 'node:timers/promises';
import { onBehalf } from './connections';
import { knownError } from './database-errors';

const WAITS_MS = [500, 1000, 2000, 4000, 8000];

/**
 * A reading in the middle of an answer, which the caller could only begin anew: while PostgreSQL is busy or away it is asked once more, for some
 * seconds. 50,000 rows are hundreds of waits for a connection, and one that is too long would break them all off. It waits in the organization's line: what
 * reads on as its reader does belongs to no request any more.
 */
export async function askAgain<T>(organization_id: string, ask: () => Promise<T>): Promise<T> {
  for (const wait_ms of WAITS_MS)
    try {
      return await onBehalf(ask, organization_id);
    } catch (error) {
      if (knownError(error)?.status !== 503) throw error;
      await sleep(wait_ms);
    }
  return onBehalf(ask, organization_id);
}
