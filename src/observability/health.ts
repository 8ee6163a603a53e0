import { Injectable, Logger } from '@nestjs/common';
import { Late, within } from '#common/time';

export type CheckName = 'postgresql' | 'redis' | 'mongodb' | 'queues' | 'storage' | 'migrations';

export interface CheckResult {
  status: 'healthy' | 'unhealthy' | 'disabled';
  response_time_ms: number;
  message?: string;
}

/** Fixed words: a driver's text names hosts and users. */
const TROUBLE: Record<CheckName, string> = {
  postgresql: 'Not reachable.',
  redis: 'Not reachable.',
  mongodb: 'Not reachable.',
  queues: 'Not reachable.',
  storage: 'Not reachable.',
  migrations: 'Migrations are pending.',
};

const CHECK_TIMEOUT_MS = 2000;
/** A trouble that lasts is told again so often, however often probes ask. */
const REMINDER_MS = 60_000;

interface Trouble {
  name: CheckName;
  reason: string;
}

/** How the stores are. Each room registers the check of what it owns; what nobody registered is not configured: `disabled`. */
@Injectable()
export class HealthRegistry {
  private readonly logger = new Logger('health');
  private readonly checks = new Map<CheckName, () => Promise<unknown>>();
  /** When the log was last told. */
  private readonly troubled = new Map<CheckName, number>();

  /** `check` resolves when all is well and throws otherwise. */
  register(name: CheckName, check: () => Promise<unknown>): void {
    this.checks.set(name, check);
  }

  /** All at once, two seconds at most. */
  async run<N extends CheckName>(names: readonly N[]): Promise<Record<N, CheckResult>> {
    const troubles: Trouble[] = [];
    const results = await Promise.all(names.map(async (name) => [name, await this.check(name, troubles)] as const));
    this.tell(troubles);
    return Object.fromEntries(results) as Record<N, CheckResult>;
  }

  private async check(name: CheckName, troubles: Trouble[]): Promise<CheckResult> {
    const check = this.checks.get(name);
    if (!check) return { status: 'disabled', response_time_ms: 0 };
    const started = performance.now();
    const took = (): number => Math.round((performance.now() - started) * 10) / 10;
    try {
      await within(CHECK_TIMEOUT_MS, async () => check());
      if (this.troubled.delete(name)) this.logger.log(`${name} is healthy again`);
      return { status: 'healthy', response_time_ms: took() };
    } catch (error) {
      troubles.push({ name, reason: error instanceof Error ? error.message : String(error) });
      return {
        status: 'unhealthy',
        response_time_ms: took(),
        message: error instanceof Late ? 'No answer within 2 seconds.' : TROUBLE[name],
      };
    }
  }

  /** The operator's log has the reasons the answer leaves out: when they are new, and as a reminder, in one line for all. */
  private tell(troubles: readonly Trouble[]): void {
    const now = Date.now();
    if (!troubles.some(({ name }) => now - (this.troubled.get(name) ?? 0) >= REMINDER_MS)) return;
    for (const { name } of troubles) this.troubled.set(name, now);
    this.logger.warn(`unhealthy: ${troubles.map(({ name, reason }) => `${name} (${reason})`).join(', ')}`);
  }
}
