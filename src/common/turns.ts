import { Bounded } from './bounded';
import { Unavailable } from './errors';

const KEYS_REMEMBERED = 1000;

interface Limits {
  /** So many wait at most, of one key. */
  line_max?: number;
  /** Nobody waits longer. */
  wait_ms?: number;
  /** One key has half of the turns, and more only while a quarter is free (one at least): who comes next finds a turn. */
  shared?: boolean;
}

/** So many at once, the others in a line by key, the keys in turn; who finds the line full or waits too long is sent away. */
export class Turns {
  private readonly share: number;
  private readonly reserve: number;
  private busy = 0;
  private readonly held = new Map<string, number>();
  /** Who waits, by key; the key at the front is next. */
  private readonly lines = new Map<string, (() => void)[]>();
  /** When the last one of a key had waited. */
  private readonly awaited = new Bounded<string, number>({ count: KEYS_REMEMBERED });

  constructor(
    private readonly at_once: number,
    private readonly limits: Limits = {},
  ) {
    this.share = limits.shared ? Math.max(1, Math.floor(at_once / 2)) : at_once;
    this.reserve = Math.max(1, Math.floor(at_once / 4));
  }

  /** When somebody of the key waited last, as `performance.now()` tells time. */
  awaitedAt(key: string): number {
    return this.lines.has(key) ? performance.now() : (this.awaited.get(key) ?? -Infinity);
  }

  /** @throws {Unavailable} `busy`: the line is full or too slow; nothing of `work` has run. */
  async run<T>(work: () => Promise<T>, key = ''): Promise<T> {
    if (this.isFree(key)) this.take(key);
    else await this.wait(key);
    try {
      return await work();
    } finally {
      this.giveBack(key);
    }
  }

  private isFree(key: string): boolean {
    const free = this.at_once - this.busy;
    return free > 0 && ((this.held.get(key) ?? 0) < this.share || free > this.reserve);
  }

  private take(key: string): void {
    this.busy++;
    this.held.set(key, (this.held.get(key) ?? 0) + 1);
  }

  /** The turn is handed on at once, so that nobody who comes now is before who waits. */
  private giveBack(key: string): void {
    this.busy--;
    const left = (this.held.get(key) ?? 0) - 1;
    if (left > 0) this.held.set(key, left);
    else this.held.delete(key);
    for (const [next, line] of this.lines) {
      if (!this.isFree(next)) continue;
      this.take(next);
      this.lines.delete(next);
      if (line.length > 1) this.lines.set(next, line);
      line.shift()?.();
      this.awaited.set(next, performance.now());
      return;
    }
  }

  private wait(key: string): Promise<void> {
    const { line_max = Infinity, wait_ms } = this.limits;
    const line = this.lines.get(key) ?? [];
    if (line.length >= line_max) return Promise.reject(tooBusy());
    this.lines.set(key, line);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        line.splice(line.indexOf(turn), 1);
        if (!line.length) this.lines.delete(key);
        reject(tooBusy());
      };
      const timer = wait_ms === undefined ? undefined : setTimeout(giveUp, wait_ms);
      const turn = (): void => {
        clearTimeout(timer);
        resolve();
      };
      line.push(turn);
    });
  }
}

const tooBusy = (): Unavailable => new Unavailable('Too much is asked of us at this moment. Try again in a few seconds.', 'busy');
