/** Runs work of the same key in the order asked, so many at a time; for this process alone. */
export class TurnsByKey {
  /** Of each key the latest, the earlier first: who comes waits for the first of them. */
  private readonly latest = new Map<string, Promise<unknown>[]>();

  constructor(private readonly at_once = 1) {}

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const latest = this.latest.get(key) ?? [];
    const before = latest.length === this.at_once ? latest[0] : undefined;
    const mine = (async () => {
      await before?.catch(() => undefined);
      return work();
    })();
    this.latest.set(key, [...latest, mine].slice(-this.at_once));
    try {
      return await mine;
    } finally {
      if (this.latest.get(key)?.at(-1) === mine) this.latest.delete(key);
    }
  }
}
