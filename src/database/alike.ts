import { AsyncLocalStorage } from 'node:async_hooks';

interface Read {
  now: Promise<unknown>;
  /** Begins when `now` is done: for those who ask meanwhile, who may know of more than it saw. */
  next?: Promise<unknown>;
}

/**
 * Reads that many ask for alike at the same moment, as all agents do who come back after a restart: done once for all who ask before it begins. Nobody is
 * given what was read before they asked. The answer is shared: not to be changed in place.
 */
export class Alike {
  private readonly reads = new Map<string, Read>();
  /** It is nobody's request that reads for all: it does not wait for a connection behind them. */
  private readonly outside = AsyncLocalStorage.snapshot();

  /** @param question All that the answer depends on; the organization first. */
  ask<R>(question: readonly [organization_id: string, ...of: unknown[]], read: () => Promise<R>): Promise<R> {
    const key = JSON.stringify(question);
    const running = this.reads.get(key);
    const asked = running ? (running.next ??= this.after(key, running.now, read)) : this.begin(key, read);
    return asked as Promise<R>;
  }

  private begin<R>(key: string, read: () => Promise<R>): Promise<R> {
    const now = this.outside(read);
    const mine: Read = { now };
    this.reads.set(key, mine);
    const done = (): void => {
      if (!mine.next) this.reads.delete(key);
    };
    now.then(done, done);
    return now;
  }

  private async after<R>(key: string, earlier: Promise<unknown>, read: () => Promise<R>): Promise<R> {
    await earlier.catch(() => undefined);
    return this.begin(key, read);
  }
}
