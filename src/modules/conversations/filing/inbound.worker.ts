import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '#config/config';
import type { Tx } from '#database/database';
import { Signals } from '#database/signals';
import type { Effect } from '#database/tx';
import { INBOUND_CHANNEL, InboundStore, type Outcome, type WaitingEvent } from '#modules/whatsapp/receipt/inbound-store';
import { Metrics } from '#observability/metrics';
import { Filing, isLate, isRace, isTransient } from './filing';

/** Webhooks in one transaction: large enough to share its cost, small enough that a message is seen soon. */
const BATCH = 400;
/** Rows others kept, or a wake-up that got lost, are found by looking. */
const SWEEP_MS = 1000;
/** Contract 20, 7.5: an orphan is applied within a second of its message's arrival. */
const PARKED_MS = 500;
/** And no more than a part of the time, when somebody parks without end. */
const PARKED_SHARE = 4;
const TRIES = 3;
/** Webhooks that come one by one are gathered this long: one transaction of ten costs little more than one of one. */
const GATHER_MS = 10;
/** Told in one turn of the event loop; between turns webhooks are taken and the next batch's answers are read. */
const TOLD_AT_ONCE = 16;

/**
 * Works through `inbound_events`: woken by the receipt, by other processes (NOTIFY), and by the clock. The rows are the queue, so nothing is
 * lost with a process; one worker at a time has an organization's, so that they stay in order over any number of workers.
 */
@Injectable()
export class InboundWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(InboundWorker.name);
  private running: Promise<void> | null = null;
  /** What the last commits have to tell, in order. */
  private telling: Promise<void> = Promise.resolve();
  private woken = false;
  private stopped = false;
  private timer: NodeJS.Timeout | undefined;
  /** When to look for orphans again. */
  private parked_at = 0;

  constructor(
    private readonly config: Config,
    private readonly signals: Signals,
    private readonly store: InboundStore,
    private readonly filing: Filing,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    this.metrics.gauge('inbound_backlog').collectFrom(() => this.store.backlog());
    if (this.config.process_role === 'api') return;
    this.store.onKept(() => this.wake());
    if (this.config.process_role === 'worker') this.signals.listen(INBOUND_CHANNEL, () => this.wake());
    this.timer = setInterval(() => this.wake(), SWEEP_MS);
    this.timer.unref();
    this.wake();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.running;
    await this.telling;
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

  /** Resolves when nothing waits (tests). */
  async idle(): Promise<void> {
    this.wake();
    while (this.running) await this.running;
    await this.telling;
  }

  private async run(): Promise<void> {
    while (this.woken && !this.stopped) {
      this.woken = false;
      try {
        for (let more = true; more && !this.stopped; await nextTurn()) {
          more = await this.batch();
          if (Date.now() >= this.parked_at) await this.parked();
        }
        if (this.woken) await sleep(GATHER_MS);
      } catch (error) {
        this.logger.error({ msg: 'inbound work failed, it is repeated', err: error });
        await sleep(250);
      }
    }
  }

  /** Answers whether more waits. */
  private async batch(): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.take((tx, events) => this.filing.file(tx, events));
      } catch (error) {
        const again = isRace(error) ? attempt < TRIES : (isTransient(error) || isLate(error)) && attempt === 1;
        this.logger.warn({ msg: again ? 'inbound batch failed, it is repeated' : 'inbound batch failed', err: error });
        if (again) continue;
        if (isTransient(error)) throw error;
        // Some item's fault, or they are too many at once.
        return this.take((tx, events) => this.filing.fileOneByOne(tx, events));
      }
    }
  }

  private async take(file: (tx: Tx, events: WaitingEvent[]) => Promise<Outcome[]>): Promise<boolean> {
    const { finished, more, effects } = await this.store.take(BATCH, file);
    await this.tell(effects);
    this.metrics.counter('messages_processed_total').inc(finished);
    return more;
  }

  private async parked(): Promise<void> {
    const began = Date.now();
    this.parked_at = began + PARKED_MS;
    const [, effects] = await this.store.transaction((tx) => this.filing.applyParked(tx));
    this.parked_at = Math.max(this.parked_at, Date.now() + PARKED_SHARE * (Date.now() - began));
    await this.tell(effects);
  }

  /** Tells in the background, while the database works on the next batch; resolved when all earlier batches are told, so at most two wait. */
  private async tell(effects: Effect[]): Promise<void> {
    await this.telling;
    this.telling = (async () => {
      for (const [index, effect] of effects.entries()) {
        if (index % TOLD_AT_ONCE === TOLD_AT_ONCE - 1) await nextTurn();
        void this.follow(effect);
      }
    })();
  }

  private async follow(effect: Effect): Promise<void> {
    try {
      await effect();
    } catch (error) {
      this.logger.error({ msg: 'not told', err: error });
    }
  }
}
