import { Unavailable } from './errors';

/** So many at once, the others in a line; who finds the line full is sent away. */
export class Turns {
  private busy = 0;
  private readonly line: (() => void)[] = [];

  constructor(
    private readonly at_once: number,
    private readonly line_max = Infinity,
  ) {}

  /** @throws {Unavailable} `busy`: the line is full; nothing of `work` has run. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.busy < this.at_once) this.busy++;
    else if (this.line.length < this.line_max) await new Promise<void>((turn) => this.line.push(turn));
    else throw new Unavailable('Too much is asked of us at this moment. Try again in a few seconds.', 'busy');
    try {
      return await work();
    } finally {
      // The turn is handed on, so that nobody who comes now is before who waits.
      const next = this.line.shift();
      if (next) next();
      else this.busy--;
    }
  }
}
