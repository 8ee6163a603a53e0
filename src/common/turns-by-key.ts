interface Line {
  running: number;
  waiting: (() => void)[];
}

/** Runs work of the same key in the order asked, so many at a time; for this process alone. */
export class TurnsByKey {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly at_once = 1) {}

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(key) ?? { running: 0, waiting: [] };
    this.lines.set(key, line);
    if (line.running < this.at_once) line.running++;
    else await new Promise<void>((turn) => line.waiting.push(turn));
    try {
      return await work();
    } finally {
      const next = line.waiting.shift();
      // The turn is handed on.
      if (next) next();
      else if (--line.running === 0) this.lines.delete(key);
    }
  }
}
