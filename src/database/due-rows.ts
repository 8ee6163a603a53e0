import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { within } from '#common/time';
import { Turns } from '#common/turns';
import { Config } from '#config/config';
import { Signals } from './signals';

/** A row that waits to be worked on, or what several such rows have in common (a number's sends). */
export interface DueRow {
  organization_id: string;
  id: string;
}

export interface DueKind {
  /** Of the log, and between processes. */
  name: string;
  /** At a time in one process; organizations take turns. */
  concurrency: number;
  /** Runs of one row at a time, each wake-up beginning one more; those under way look again. Default 1. */
  runs_per_row?: number;
  /** A run longer than this is given up and its `signal` aborted; the row's own lease says when it may be tried again. */
  timeout_seconds: number;
  /** How often rows are looked for that nobody woke. */
  sweep_seconds: number;
  /** Works on what is due of the row, which it claims first: two processes may be at it. Answers in how many milliseconds to look again (0: now, when it is its turn again); null: it will be woken. */
  work: (row: DueRow, signal: AbortSignal) => Promise<number | null>;
  /** What who woke the row says besides, before its work. */
  told?: (row: DueRow, word: string) => void;
  /** Rows that are due and that nobody is at: lost wake-ups, waits that ended, workers that died. Over all organizations. */
  overdue: (limit: number) => Promise<DueRow[]>;
}

/**
 * SQL that begins with `waiting(organization_id)`: a loose scan, the first organization, then the next, never all of their rows. Its last row is NULL.
 * @param organizations A SELECT of their organization_id alone, which an index has in order.
 * @param first What the first one must meet; default: it is the first of all.
 */
export const waitingOrganizations = (organizations: string, first = 'true'): string => `WITH RECURSIVE waiting(organization_id) AS (
    (SELECT o.organization_id FROM (${organizations}) o WHERE ${first} ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT o.organization_id FROM (${organizations}) o WHERE o.organization_id > w.organization_id ORDER BY 1 LIMIT 1)
      FROM waiting w WHERE w.organization_id IS NOT NULL)`;

/**
 * SQL of `overdue`: rows that are due, $1 at most, of each organization the first, then of each the second: who has many delays nobody.
 * @param organizations As for `waitingOrganizations`.
 * @param rows A SELECT of the `id` of what is due of `w.organization_id`.
 */
export const inTurn = (organizations: string, rows: string): string => `${waitingOrganizations(organizations)}
  SELECT w.organization_id, due.id
    FROM waiting w CROSS JOIN LATERAL (SELECT r.id, row_number() OVER () AS turn FROM (${rows} LIMIT $1) r) due
   WHERE w.organization_id IS NOT NULL ORDER BY due.turn LIMIT $1`;

/** Something is due of the row; who only writes rows wakes those who work on them at once. The word, if any, is for `told`: no spaces. */
export type Wake = (row: DueRow, word?: string) => void;

/** A row that was woken: how many runs wait or work, and how often it was. */
interface Awake {
  runs: number;
  wakes: number;
}

const SWEEP_LIMIT = 500;
/** More than these need no wake-up: the sweep finds them in their order. */
const MAX_AWAKE = 20_000;
/** What runs has so long to end when the process stops; its lease brings the row back. */
const STOP_MS = 20_000;
/** Longer waits are the sweep's. */
const MAX_WAIT_MS = 60_000;

/**
 * Rows with a due time that are worked on as soon as they are there: woken by who wrote them, in this process or another, and by the clock. The
 * rows are the queue; a wake-up that gets lost or comes twice changes nothing.
 */
@Injectable()
export class DueRows implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly workers: DueWorker[] = [];

  constructor(
    private readonly config: Config,
    private readonly signals: Signals,
  ) {}

  /** A kind of due rows; answers how they are woken. From the constructor of who works on them. */
  add(kind: DueKind): Wake {
    const channel = `pytake_${kind.name.replace(/\W/g, '_')}`;
    const worker = new DueWorker(kind);
    const { process_role } = this.config;
    if (process_role === 'api')
      return ({ organization_id, id }, word = '') => this.signals.send(channel, `${organization_id} ${id} ${word}`);
    if (process_role === 'worker')
      this.signals.listen(channel, (payload) => {
        const [organization_id, id, word] = payload.split(' ');
        worker.wake({ organization_id, id }, word);
      });
    this.workers.push(worker);
    return (row, word) => worker.wake(row, word);
  }

  /** Resolves when nothing that was woken waits or runs; for tests. */
  async idle(): Promise<void> {
    while (this.workers.some((worker) => worker.awake)) await sleep(5);
  }

  /** Looks for what is due of every kind. */
  async sweep(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.sweep()));
  }

  onApplicationBootstrap(): void {
    for (const worker of this.workers) worker.start();
  }

  /** Before any store closes. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}

class DueWorker {
  private readonly logger: Logger;
  private readonly turns: Turns;
  private readonly woken = new Map<string, Awake>();
  /** How many of them are an organization's. */
  private readonly awakeOf = new Map<string, number>();
  /** When a row is to be woken; of several times the first. */
  private readonly asleep = new Map<string, number>();
  /** Its work is nobody's request. */
  private readonly outside = AsyncLocalStorage.snapshot();
  private stopping = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly kind: DueKind) {
    this.logger = new Logger(kind.name);
    this.turns = new Turns(kind.concurrency, { shared: true });
  }

  get awake(): boolean {
    return this.woken.size > 0;
  }

  wake(row: DueRow, word?: string): void {
    if (this.stopping) return;
    let state = this.woken.get(row.id);
    if (!state) {
      const awake = this.awakeOf.get(row.organization_id) ?? 0;
      // As many as are still free, and no more: who comes next finds a place.
      if (awake >= MAX_AWAKE - this.woken.size) return;
      this.awakeOf.set(row.organization_id, awake + 1);
      this.woken.set(row.id, (state = { runs: 0, wakes: 0 }));
    }
    if (word) this.kind.told?.(row, word);
    state.wakes++;
    if (state.runs < (this.kind.runs_per_row ?? 1)) void this.outside(() => this.run(row, state));
  }

  /** Woken by the clock; of several times by the first. */
  private wakeIn(row: DueRow, ms: number): void {
    const at = Date.now() + ms;
    if (ms > MAX_WAIT_MS || (this.asleep.get(row.id) ?? Infinity) <= at) return;
    this.asleep.set(row.id, at);
    setTimeout(() => {
      if (this.asleep.get(row.id) === at) this.asleep.delete(row.id);
      this.wake(row);
    }, ms).unref();
  }

  private forget({ organization_id, id }: DueRow): void {
    this.woken.delete(id);
    const awake = (this.awakeOf.get(organization_id) ?? 0) - 1;
    if (awake > 0) this.awakeOf.set(organization_id, awake);
    else this.awakeOf.delete(organization_id);
  }

  start(): void {
    this.timer = setInterval(() => void this.sweep(), this.kind.sweep_seconds * 1000);
    this.timer.unref();
    void this.sweep();
  }

  /** Takes no more; resolves when what runs has ended, or has had its time. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping = true;
    for (const end = Date.now() + STOP_MS; this.awake && Date.now() < end;) await sleep(10);
  }

  private async run(row: DueRow, state: Awake): Promise<void> {
    let again_in_ms: number | null = null;
    state.runs++;
    const end = (): void => {
      if (--state.runs === 0) this.forget(row);
    };
    await this.turns
      .run(async () => {
        const { wakes } = state;
        if (!this.stopping) again_in_ms = await this.work(row);
        // Woken meanwhile, it looks again before it ends, when it is its turn.
        if ((again_in_ms === 0 || state.wakes !== wakes) && !this.stopping) void this.run(row, state);
        // In the same breath as that look: who wakes it from now on starts another run.
        end();
      }, row.organization_id)
      .catch((error: unknown) => {
        // The row is still there: the sweep finds it again.
        end();
        this.logger.warn({ msg: 'not done, it is tried again', id: row.id, err: error });
      });
    if (again_in_ms) this.wakeIn(row, again_in_ms);
  }

  private work(row: DueRow): Promise<number | null> {
    const { timeout_seconds, work } = this.kind;
    const run = new AbortController();
    return within(
      timeout_seconds * 1000,
      () => work(row, run.signal),
      (late) => run.abort(late),
    );
  }

  async sweep(): Promise<void> {
    try {
      for (const row of await this.kind.overdue(SWEEP_LIMIT)) this.wake(row);
    } catch (error) {
      this.logger.debug({ msg: 'not looked for what is due', err: error });
    }
  }
}
