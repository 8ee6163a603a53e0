import { setTimeout as sleep } from 'node:timers/promises';

/** A rush is over when nobody has waited for so long: who waits comes in waves. */
const OVER_MS = 50;
/** So long it goes first at most. */
const FIRST_MS = 1000;
const LOOK_MS = 10;

/** Many who ask at one moment, and wait: what runs in the background, and needs the same cores, lets them go first. */
export class Rush {
  private giving: Promise<void> | null = null;
  private rests_until = 0;

  /** `awaitedAt`: when somebody waited last, milliseconds since 1970. */
  constructor(private readonly awaitedAt: () => number) {}

  /** Resolves when the rush is over, or has gone first for long enough. For as long as that took nobody gives way again: an overload may never end. */
  async giveWay(): Promise<void> {
    if (!this.giving && this.is_on && Date.now() >= this.rests_until) this.giving = this.wait().finally(() => (this.giving = null));
    await this.giving;
  }

  private get is_on(): boolean {
    return Date.now() - this.awaitedAt() < OVER_MS;
  }

  private async wait(): Promise<void> {
    const began = Date.now();
    while (this.is_on && Date.now() < began + FIRST_MS) await sleep(LOOK_MS);
    this.rests_until = 2 * Date.now() - began;
  }
}
