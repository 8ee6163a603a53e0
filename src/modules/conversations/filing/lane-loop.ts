import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Effect } from '#database/tx';

/**
 * Webhooks that come one by one are gathered for a moment: one transaction of ten costs little more than one of one. For as long as the last one took:
 * the busier, the more go together.
 */
const GATHER_MS = { least: 10, most: 100 };
/** Told in one turn of the event loop; between turns webhooks are taken and the next batch's answers are read. */
const TOLD_AT_ONCE = 16;

/** One lane's work: a batch after the other while something waits, and what each has to tell, in their order. */
export class LaneLoop {
  private readonly logger = new Logger(LaneLoop.name);
  private running: Promise<void> | null = null;
  /** What the last commits have to tell, in order. */
  private telling: Promise<void> = Promise.resolve();
  private woken = false;
  private stopped = false;

  /** `batch` answers whether more waits. */
  constructor(private readonly batch: () => Promise<boolean>) {}

  get is_running(): boolean {
    return this.running !== null;
  }

  wake(): void {
    if (this.stopped) return;
    this.woken = true;
    this.running ??= this.run().finally(() => {
      this.running = null;
      // Between the last look and now.
      if (this.woken) this.wake();
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    await this.telling;
  }

  /** Resolves when nothing waits (tests). */
  async idle(): Promise<void> {
    this.wake();
    while (this.running) await this.running;
    await this.telling;
  }

  /** Tells in the background, while the database works on the next batch; resolved when all earlier batches are told, so at most two wait. */
  async tell(effects: Effect[]): Promise<void> {
    await this.telling;
    this.telling = (async () => {
      for (const [index, effect] of effects.entries()) {
        if (index % TOLD_AT_ONCE === TOLD_AT_ONCE - 1) await nextTurn();
        void this.follow(effect);
      }
    })();
  }

  private async run(): Promise<void> {
    while (this.woken && !this.stopped) {
      this.woken = false;
      try {
        const began = performance.now();
        while ((await this.batch()) && !this.stopped) await nextTurn();
        if (this.woken) await sleep(Math.min(GATHER_MS.most, Math.max(GATHER_MS.least, performance.now() - began)));
      } catch (error) {
        this.logger.error({ msg: 'inbound work failed, it is repeated', err: error });
        await sleep(250);
      }
    }
  }

  private async follow(effect: Effect): Promise<void> {
    try {
      await effect();
    } catch (error) {
      this.logger.error({ msg: 'not told', err: error });
    }
  }
}
