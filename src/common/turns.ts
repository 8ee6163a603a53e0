import { Unavailable } from './errors';

interface Line {
  /** So many wait at most. */
  line_max?: number;
  /** Nobody waits longer. */
  wait_ms?: number;
}

/** So many at once, the others in a line; who finds the line full or waits too long is sent away. */
export class Turns {
  private busy = 0;
  private readonly line: (() => void)[] = [];

  constructor(
    private readonly at_once: number,
    private readonly limits: Line = {},
  ) {}

  /** @throws {Unavailable} `busy`: the line is full or too slow; nothing of `work` has run. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy < this.at_once) this.busy++;
    else await this.wait();
    try {
      return await work();
    } finally {
      // The turn is handed on, so that nobody who comes now is before who waits.
      const next = this.line.shift();
      if (next) next();
      else this.busy--;
    }
  }

  private wait(): Promise<void> {
    const { line_max = Infinity, wait_ms } = this.limits;
    if (this.line.length >= line_max) return Promise.reject(tooBusy());
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.line.splice(this.line.indexOf(turn), 1);
        reject(tooBusy());
      };
      const timer = wait_ms === undefined ? undefined : setTimeout(giveUp, wait_ms);
      const turn = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.line.push(turn);
    });
  }
}

const tooBusy = (): Unavailable => new Unavailable('Too much is asked of us at this moment. Try again in a few seconds.', 'busy');
