import { setTimeout as sleep } from 'node:timers/promises';
import { Bounded } from '#common/bounded';

/** A rush is over when nobody has waited for so long: who waits comes in waves. */
const OVER_MS = 50;
/** So long it goes first at most. */
const FIRST_MS = 1000;
const LOOK_MS = 10;
const REMEMBERED = 1000;

/**
 * Many of an organization who ask at one moment, and wait: what runs for them in the background, and needs the same cores, lets them go first. Others'
 * goes on.
 */
export class Rush {
  private readonly giving = new Map<string, Promise<void>>();
  private readonly rests_until = new Bounded<string, number>({ count: REMEMBERED });

  /** `awaitedAt`: when somebody of an organization waited last, as `performance.now()` tells time. */
  constructor(private readonly awaitedAt: (organization_id: string) => number) {}

  /** Resolves when the rush is over, or has gone first for long enough. For as long as that took nobody gives way again: an overload may never end. */
  async giveWay(organization_id: string): Promise<void> {
    const rests = performance.now() < (this.rests_until.get(organization_id) ?? 0);
    if (!this.giving.has(organization_id) && !rests && this.isOn(organization_id))
      this.giving.set(
        organization_id,
        this.wait(organization_id).finally(() => this.giving.delete(organization_id)),
      );
    await this.giving.get(organization_id);
  }

  private isOn(organization_id: string): boolean {
    return performance.now() - this.awaitedAt(organization_id) < OVER_MS;
  }

  private async wait(organization_id: string): Promise<void> {
    const began = performance.now();
    while (this.isOn(organization_id) && performance.now() < began + FIRST_MS) await sleep(LOOK_MS);
    const took = performance.now() - began;
    this.rests_until.set(organization_id, performance.now() + took);
  }
}
