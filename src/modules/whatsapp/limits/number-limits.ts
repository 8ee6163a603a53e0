import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { Config } from '#config/config';
import { Database } from '#database/database';
import type { DueRow } from '#database/due-rows';
import { RedisScripts } from '#database/redis-scripts';
import type { ConnectionType, WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import type { NumberRateLimits } from '../numbers/whatsapp-number.dto';
import { CAPABILITIES } from '../provider';
import { Buckets, type Look, type Pace, type Window } from './buckets';
import { Lane } from './lane';

/** What a number's limits follow from. */
export interface LimitSettings {
  connection_type: ConnectionType;
  throughput: string | null;
  rate_limits: NumberRateLimits | null;
}

interface Known {
  at: number;
  windows: Window[];
  pair: Pace | null;
}

/** Who wants to leave. */
export interface Leaving {
  conversation_id: string;
  lane: Lane;
}

/** Of a number's pace a tenth is not for campaigns: replies never wait for them, and Meta counts what comes in too. One in so many costs two. */
const CAMPAIGN_SHARE = 9;

/** Who is refused asks anew for limits older than this: they may have been raised. */
const CACHE_MS = 5000;
const REMEMBERED = 10_000;

const MINUTE_MS = 60_000;
const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;

/** How many messages may leave by a number now: as fast as its provider takes them, and as its organization allows in `settings.rate_limits`. */
@Injectable()
export class NumberLimits implements OnModuleDestroy {
  private readonly known = new Bounded<string, Known>({ count: REMEMBERED });
  private readonly redis: RedisScripts;
  private readonly buckets: Buckets;
  private campaigns = 0;

  constructor(
    private readonly database: Database,
    config: Config,
  ) {
    this.redis = new RedisScripts(config.redis_url, new Logger(NumberLimits.name), 'the limits of WhatsApp numbers hold for each process');
    this.buckets = new Buckets(this.redis);
  }

  /** Redis is configured, but not there: each process counts for itself. */
  get is_degraded(): boolean {
    return this.redis.is_missed;
  }

  /** Whether one more may leave by the number now: 0, or in how many milliseconds to ask again. */
  async take(number: DueRow, lane: Lane): Promise<number> {
    const known = await this.knownOf(number);
    const costs = lane === Lane.campaign && ++this.campaigns % CAMPAIGN_SHARE === 0 ? 2 : 1;
    const { count, wait_ms } = await this.buckets.take(keyOf(number), known.windows, costs);
    if (count) return 0;
    if (Date.now() - known.at < CACHE_MS) return wait_ms;
    this.known.delete(number.id);
    return this.take(number, lane);
  }

  /** It had nothing to send, to whom it was paced for. */
  async giveBack(number: DueRow, paced?: Leaving): Promise<void> {
    const { pair } = await this.knownOf(number);
    await this.buckets.giveBack(keyOf(number), 1);
    if (pair && paced) await this.buckets.unpace(keyOfPair(paced), pair);
  }

  /**
   * Whether one person may be sent one more: 0, or in how many milliseconds to ask again. Meta lets 45 through at once, then one in 6 s; campaigns
   * never come closer than that, and a person's reply is only counted: Meta's refusal makes it wait.
   */
  async pace(number: DueRow, leaving: Leaving): Promise<number> {
    const { pair } = await this.knownOf(number);
    if (!pair) return 0;
    const ahead = { [Lane.person]: 0, [Lane.machine]: pair.burst, [Lane.campaign]: 1 };
    const wait_ms = this.buckets.pace(keyOfPair(leaving), pair, ahead[leaving.lane]);
    // Nobody waits for a reply to be counted.
    return leaving.lane === Lane.person ? 0 : wait_ms;
  }

  /** What the number's limits say, and what it was let. Takes nothing. */
  async look(number: DueRow): Promise<Look> {
    return this.buckets.look(keyOf(number), (await this.knownOf(number)).windows);
  }

  /** In how many milliseconds the hour's or the day's limit lets one more leave; shorter waits are not asked for. */
  async longWait(number: WhatsAppNumber): Promise<number> {
    const windows = windowsOf(settingsOf(number)).filter(({ ms }) => ms >= HOUR_MS);
    return windows.length ? (await this.buckets.look(keyOf(number), windows)).wait_ms : 0;
  }

  async reset(number: DueRow): Promise<void> {
    await this.buckets.forget(keyOf(number));
  }

  /** Who meets the number's row says what it says. */
  learn({ id }: DueRow, settings: LimitSettings): Known {
    const known = { at: Date.now(), windows: windowsOf(settings), pair: CAPABILITIES[settings.connection_type].pair };
    this.known.set(id, known);
    return known;
  }

  onModuleDestroy(): void {
    this.redis.close();
  }

  private async knownOf(number: DueRow): Promise<Known> {
    return this.known.get(number.id) ?? this.read(number);
  }

  private async read(number: DueRow): Promise<Known> {
    const [settings] = await this.database.rows<LimitSettings | undefined>(
      `SELECT connection_type, throughput, settings->'rate_limits' AS rate_limits FROM whatsapp_numbers WHERE organization_id = $1 AND id = $2`,
      [number.organization_id, number.id],
    );
    return settings ? this.learn(number, settings) : { at: Date.now(), windows: [], pair: null };
  }
}

export const settingsOf = ({ connection_type, throughput, settings }: WhatsAppNumber): LimitSettings => ({
  connection_type,
  throughput,
  rate_limits: (settings.rate_limits ?? null) as NumberRateLimits | null,
});

const keyOfPair = ({ conversation_id }: Leaving): string => `limit:pair:${conversation_id}`;

const keyOf = ({ id }: DueRow): string => `limit:number:${id}`;

/** What holds when the organization says nothing, contract 20, 5.4; null: no limit. */
export function limitsOf({ connection_type, rate_limits }: LimitSettings): { minute: number | null; hourly: number | null } {
  const { minute, hourly } = CAPABILITIES[connection_type].limits;
  return { minute: rate_limits?.minute ?? minute, hourly: rate_limits?.hourly ?? hourly };
}

function windowsOf(settings: LimitSettings): Window[] {
  const { connection_type, throughput, rate_limits } = settings;
  const { hourly } = limitsOf(settings);
  const daily = CAPABILITIES[connection_type].has_portfolio ? null : rate_limits?.daily;
  const pace = CAPABILITIES[connection_type].pace(throughput);
  const asked = [
    // Meta's own minute is its pace.
    ...(rate_limits?.minute ? [{ count: rate_limits.minute, ms: MINUTE_MS }] : []),
    ...(hourly ? [{ count: hourly, ms: HOUR_MS }] : []),
    ...(daily ? [{ count: daily, ms: DAY_MS }] : []),
  ];
  // What the pace never reaches needs no counting: as many are remembered as the largest window lets through.
  return [pace, ...asked.filter(({ count, ms }) => count < pace.count * Math.ceil(ms / pace.ms))];
}
