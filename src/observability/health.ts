import { Injectable, Logger } from '@nestjs/common';
import { Late, within } from '#common/time';

export type CheckName = 'postgresql' | 'redis' | 'mongodb' | 'queues' | 'migrations';

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
  migrations: 'Migrations are pending.',
};

const CHECK_TIMEOUT_MS = 2000;
/** A trouble that lasts is told again so often, however often probes ask. */
const REMINDER_MS = 60_000;

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
    const results = await Promise.all(names.map(async (name) => [name, await this.check(name)] as const));
    return Object.fromEntries(results) as Record<N, CheckResult>;
  }

  private async check(name: CheckName): Promise<CheckResult> {
    const check = this.checks.get(name);
    if (!check) return { status: 'disabled', response_time_ms: 0 };
    const started = performance.now();
    const took = (): number => Math.round((performance.now() - started) * 10) / 10;
    try {
      await within(CHECK_TIMEOUT_MS, async () => check());
      if (this.troubled.delete(name)) this.logger.log(`${name} is healthy again`);
      return { status: 'healthy', response_time_ms: took() };
    } catch (error) {
      // The operator's log has the reason the answer leaves out.
      if (Date.now() - (this.troubled.get(name) ?? 0) >= REMINDER_MS) {
        this.logger.warn({ msg: `${name} is unhealthy`, err: error });
        this.troubled.set(name, Date.now());
      }
      return {
        status: 'unhealthy',
        response_time_ms: took(),
        message: error instanceof Late ? 'No answer within 2 seconds.' : TROUBLE[name],
      };
    }
  }
}
