import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for a truth. @throws after half a minute: a busy machine is no failure. */
export async function until(truth: () => unknown, what = 'what was waited for'): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(10)) if (await truth()) return;
  throw new Error(`${what} did not happen`);
}
