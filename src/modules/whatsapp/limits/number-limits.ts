import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { Config } from '#config/config';
import { Database } from '#database/database';
import type { DueRow } from '#database/due-rows';
import { RedisScripts } from '#database/redis-scripts';
import type { ConnectionType } from '../numbers/whatsapp-number.entity';
import type { NumberRateLimits } from '../numbers/whatsapp-number.dto';
import { CAPABILITIES } from '../provider';
import { Buckets, type Window } from './buckets';

/** What a number's limits follow from. */
export interface LimitSettings {
  connection_type: ConnectionType;
  throughput: string | null;
  rate_limits: NumberRateLimits | null;
}

interface Known {
  at: number;
  windows: Window[];
}

/** Who is refused asks anew for limits older than this: they may have been raised. */
const CACHE_MS = 5000;
const REMEMBERED = 10_000;

const MINUTE_MS = 60_000;
const HOUR_MS = 3600_000;

/** How many messages may leave by a number now: as fast as its provider takes them, and as its organization allows in `settings.rate_limits`. */
@Injectable()
export class NumberLimits implements OnModuleDestroy {
  private readonly known = new Bounded<string, Known>({ count: REMEMBERED });
  private readonly redis: RedisScripts;
  private readonly buckets: Buckets;

  constructor(
    private readonly database: Database,
    config: Config,
  ) {
    this.redis = new RedisScripts(config.redis_url, new Logger(NumberLimits.name), 'the limits of WhatsApp numbers hold for each process');
    this.buckets = new Buckets(this.redis);
  }

  /** Whether one more may leave by the number now: 0, or in how many milliseconds to ask again. */
  async take(number: DueRow): Promise<number> {
    const known = this.known.get(number.id) ?? (await this.read(number));
    const { count, wait_ms } = await this.buckets.take(keyOf(number), known.windows, 1);
    if (count || Date.now() - known.at < CACHE_MS) return wait_ms;
    this.known.delete(number.id);
    return this.take(number);
  }

  /** It had nothing to send. */
  async giveBack(number: DueRow): Promise<void> {
    await this.buckets.giveBack(keyOf(number), 1);
  }

  /** Who meets the number's row says what it says. */
  learn({ id }: DueRow, settings: LimitSettings): Known {
    const known = { at: Date.now(), windows: windowsOf(settings) };
    this.known.set(id, known);
    return known;
  }

  onModuleDestroy(): void {
    this.redis.close();
  }

  private async read(number: DueRow): Promise<Known> {
    const [settings] = await this.database.rows<LimitSettings | undefined>(
      `SELECT connection_type, throughput, settings->'rate_limits' AS rate_limits FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2`,
      [number.organization_id, number.id],
    );
    return settings ? this.learn(number, settings) : { at: Date.now(), windows: [] };
  }
}

const keyOf = ({ id }: DueRow): string => `limit:number:${id}`;

function windowsOf({ connection_type, throughput, rate_limits }: LimitSettings): Window[] {
  const { minute, hourly } = rate_limits ?? {};
  return [
    CAPABILITIES[connection_type].pace(throughput),
    ...(minute ? [{ count: minute, ms: MINUTE_MS }] : []),
    ...(hourly ? [{ count: hourly, ms: HOUR_MS }] : []),
  ];
}
