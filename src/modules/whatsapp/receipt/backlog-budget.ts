import { Bounded } from '#common/bounded';

/** What one organization may leave waiting in PostgreSQL. Contract 40, P15: a million webhooks of the usual size after an outage. */
const BUDGET_BYTES = 1024 ** 3;
/** Measured anew after this much came in: a question every ten thousand webhooks or so, never one for each. */
const MEASURE_BYTES = 8 * 1024 * 1024;
/** At the most this often, and no more than a tenth of the time. */
const MEASURE_MS = 1000;
const MEASURE_SHARE = 10;
const REMEMBERED = 10_000;

interface Backlog {
  waiting_bytes: number;
  /** Came in since that was measured. */
  since_bytes: number;
  next_at: number;
}

/** How much of each organization waits, as far as the door must know: bytes as measured, and what this process let in since. */
export class BacklogBudget {
  /** Who is forgotten is measured soon enough. */
  private readonly backlogs = new Bounded<string, Backlog>({ count: REMEMBERED });

  constructor(private readonly measure: (organization_id: string) => Promise<number>) {}

  /** Whether so much more may come in; counted when it may. */
  admit(organization_id: string, bytes: number): boolean {
    const backlog = this.of(organization_id);
    const fits = backlog.waiting_bytes + backlog.since_bytes + bytes <= BUDGET_BYTES;
    if (fits) backlog.since_bytes += bytes;
    if ((!fits || backlog.since_bytes > MEASURE_BYTES) && Date.now() >= backlog.next_at) void this.look(organization_id, backlog);
    return fits;
  }

  private of(organization_id: string): Backlog {
    const known = this.backlogs.get(organization_id);
    if (known) return known;
    const backlog = { waiting_bytes: 0, since_bytes: 0, next_at: 0 };
    this.backlogs.set(organization_id, backlog);
    return backlog;
  }

  /** What comes in meanwhile counts as not measured, at worst twice. */
  private async look(organization_id: string, backlog: Backlog): Promise<void> {
    backlog.next_at = Infinity;
    const began = Date.now();
    const before = backlog.since_bytes;
    try {
      backlog.waiting_bytes = await this.measure(organization_id);
      backlog.since_bytes -= before;
    } catch {
      // The database is away; the door finds out by itself.
    } finally {
      backlog.next_at = Date.now() + Math.max(MEASURE_MS, (Date.now() - began) * MEASURE_SHARE);
    }
  }
}
