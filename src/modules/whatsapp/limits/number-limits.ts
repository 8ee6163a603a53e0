import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { RedisScripts } from '#database/redis-scripts';
import type { ConnectionType } from '../numbers/whatsapp-number.entity';
import type { NumberRateLimits } from '../numbers/whatsapp-number.dto';
import { CAPABILITIES } from '../provider';
import { Buckets, type Taken, type Window } from './buckets';

interface Line {
  organization_id: string;
  /** The number's. */
  id: string;
}

interface Settings {
  connection_type: ConnectionType;
  throughput: string | null;
  rate_limits: NumberRateLimits | null;
}

/** A change of a number's limits is seen after this. */
const CACHE_MS = 5000;
const REMEMBERED = 10_000;

const MINUTE_MS = 60_000;
const HOUR_MS = 3600_000;

/** How many messages may leave by a number now: as fast as its provider takes them, and as its organization allows in `settings.rate_limits`. */
@Injectable()
export class NumberLimits implements OnModuleDestroy {
  private readonly known = new Bounded<string, { at: number; windows: Window[] }>({ count: REMEMBERED });
  private readonly redis: RedisScripts;
  private readonly buckets: Buckets;

  constructor(
    private readonly database: Database,
    config: Config,
  ) {
    this.redis = new RedisScripts(config.redis_url, new Logger(NumberLimits.name), 'the limits of WhatsApp numbers hold for each process');
    this.buckets = new Buckets(this.redis);
  }

  /** Of those who want to leave by the number, how many may. */
  async take(line: Line, count: number): Promise<Taken> {
    return this.buckets.take(keyOf(line), await this.windowsOf(line), count);
  }

  /** So many of them had nothing to send. */
  async giveBack(line: Line, count: number): Promise<void> {
    await this.buckets.giveBack(keyOf(line), count);
  }

  onModuleDestroy(): void {
    this.redis.close();
  }

  private async windowsOf({ organization_id, id }: Line): Promise<Window[]> {
    const known = this.known.get(id);
    if (known && Date.now() - known.at < CACHE_MS) return known.windows;
    const [number] = await this.database.rows<Settings | undefined>(
      `SELECT connection_type, throughput, settings->'rate_limits' AS rate_limits FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2`,
      [organization_id, id],
    );
    const windows = number ? windowsOf(number) : [];
    this.known.set(id, { at: Date.now(), windows });
    return windows;
  }
}

const keyOf = ({ id }: Line): string => `limit:number:${id}`;

function windowsOf({ connection_type, throughput, rate_limits }: Settings): Window[] {
  const { minute, hourly } = rate_limits ?? {};
  return [
    CAPABILITIES[connection_type].pace(throughput),
    ...(minute ? [{ count: minute, ms: MINUTE_MS }] : []),
    ...(hourly ? [{ count: hourly, ms: HOUR_MS }] : []),
  ];
}
