import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '#config/config';
import type { Tx } from '#database/database';
import { Signals } from '#database/signals';
import { INBOUND_CHANNEL, InboundStore, LANES, type Lane, type Outcome, type WaitingEvent } from '#modules/whatsapp/receipt/inbound-store';
import { Metrics } from '#observability/metrics';
import { Filing, isLate, isRace, isTransient } from './filing';
import { LaneLoop } from './lane-loop';

/** Webhooks in one transaction: large enough to share its cost, small enough that a message is seen soon. */
const BATCH = 400;
/** Rows others kept, or a wake-up that got lost, are found by looking. */
const SWEEP_MS = 1000;
/** Contract 20, 7.5: an orphan is applied within a second of its message's arrival. */
const PARKED_MS = 500;
/** And no more than a part of the time, when somebody parks without end. */
const PARKED_SHARE = 4;
const TRIES = 3;

/**
 * Works through `inbound_events`: woken by the receipt, by other processes (NOTIFY), and by the clock. The rows are the queue, so nothing is
 * lost with a process; one worker at a time has a lane of an organization's, so that what a person does stays in order over any number of workers.
 */
@Injectable()
export class InboundWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(InboundWorker.name);
  private readonly loops = LANES.map((lane) => new LaneLoop(() => this.turn(lane)));
  /** That filed something. */
  private batches = 0;
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
    clearInterval(this.timer);
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }

  wake(): void {
    for (const loop of this.loops) loop.wake();
  }

  /** Resolves when nothing waits (tests). */
  async idle(): Promise<void> {
    // What one files last may be what another waited for.
    for (let before = -1; before < this.batches || this.loops.some(({ is_running }) => is_running);) {
      before = this.batches;
      await Promise.all(this.loops.map((loop) => loop.idle()));
    }
  }

  private async turn(lane: Lane): Promise<boolean> {
    const more = await this.batch(lane);
    if (Date.now() >= this.parked_at) await this.parked(lane);
    return more;
  }

  /** Answers whether more waits. */
  private async batch(lane: Lane): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.take(lane, (tx, events) => this.filing.file(tx, events));
      } catch (error) {
        const again = isRace(error) ? attempt < TRIES : (isTransient(error) || isLate(error)) && attempt === 1;
        this.logger.warn({ msg: again ? 'inbound batch failed, it is repeated' : 'inbound batch failed', err: error });
        if (again) continue;
        if (isTransient(error)) throw error;
        // Some item's fault, or they are too many at once.
        return this.take(lane, (tx, events) => this.filing.fileOneByOne(tx, events));
      }
    }
  }

  private async take(lane: Lane, file: (tx: Tx, events: WaitingEvent[]) => Promise<Outcome[]>): Promise<boolean> {
    const { finished, more, frees_others, effects } = await this.store.take(lane, BATCH, file);
    await this.loops[lane].tell(effects);
    if (frees_others) for (const other of LANES) if (other !== lane) this.loops[other].wake();
    if (finished || more) this.batches++;
    this.metrics.counter('messages_processed_total').inc(finished);
    return more;
  }

  private async parked(lane: Lane): Promise<void> {
    const began = Date.now();
    this.parked_at = Infinity;
    try {
      const [, effects] = await this.store.transaction((tx) => this.filing.applyParked(tx));
      await this.loops[lane].tell(effects);
    } finally {
      this.parked_at = Math.max(began + PARKED_MS, Date.now() + PARKED_SHARE * (Date.now() - began));
    }
  }
}
