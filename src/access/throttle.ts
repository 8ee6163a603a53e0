import { createHash } from 'node:crypto';
import { type ExecutionContext, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';
import { ThrottlerGuard, type ThrottlerStorage } from '@nestjs/throttler';
import type { Response } from 'express';
import { Bounded } from '#common/bounded';
import { TooMany } from '#common/errors';
import { Config } from '#config/config';
import type { RateLimitClass } from '#config/rate-classes';
import { RedisScripts } from '#database/redis-scripts';
import type { Actor } from '#common/actor';
import { RATE_CLASS } from './decorators';
import { type AppRequest, requestOf, responseOf } from './request';
import { holderOf } from './sessions';

/** Whose requests are counted together. */
type Caller = Pick<Actor, 'user_id' | 'api_key_id'>;

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** Counts and window end in one round trip. */
const COUNT_SCRIPT = `local n = redis.call('INCRBY', KEYS[1], ARGV[2])
if n == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}`;

const MEMORY_MAX = 100_000;

/** Fixed windows: in Redis for all processes, in this process's memory without it or while it is down. */
@Injectable()
export class RateStore implements ThrottlerStorage, OnModuleDestroy {
  private readonly windows = new Bounded<string, { hits: number; ends_at: number }>({ count: MEMORY_MAX });
  private readonly redis: RedisScripts;

  constructor(config: Config) {
    this.redis = new RedisScripts(config.redis_url, new Logger(RateStore.name), 'rate limits are counted per process');
  }

  async increment(key: string, ttl_ms: number, limit: number, _block_ms?: number, _name?: string, weight = 1): Promise<ThrottlerRecord> {
    const { hits, left_ms } = await this.count(`rate:${key}`, ttl_ms, weight);
    const seconds = Math.max(1, Math.ceil(left_ms / 1000));
    return { totalHits: hits, timeToExpire: seconds, isBlocked: hits > limit, timeToBlockExpire: seconds };
  }

  /** @throws While Redis, where it is configured, does not answer. */
  check(): Promise<void> {
    return this.redis.check();
  }

  onModuleDestroy(): void {
    this.redis.close();
  }

  private async count(key: string, ttl_ms: number, weight: number): Promise<{ hits: number; left_ms: number }> {
    const counted = await this.redis.run<[number, number]>(COUNT_SCRIPT, key, [ttl_ms, weight]);
    if (counted) return { hits: counted[0], left_ms: counted[1] };
    const now = Date.now();
    const window = this.windows.get(key);
    if (window && window.ends_at > now) return { hits: (window.hits += weight), left_ms: window.ends_at - now };
    // As the youngest: the map forgets by age.
    this.windows.delete(key);
    this.windows.set(key, { hits: weight, ends_at: now + ttl_ms });
    return { hits: weight, left_ms: ttl_ms };
  }
}

/** How much a request counts, and what for. */
interface Counted {
  weight?: number;
  about?: string;
  account?: string;
}

/** A request counts in exactly one class (contract 10 §14); a GraphQL login counts in its own besides, and who asks for mails by their address alone. */
@Injectable()
export class ThrottleGuard extends ThrottlerGuard {
  // Set in AccessModule: the parent's constructor is the library's.
  config: Config;
  declare protected readonly storageService: RateStore;

  /** The classes of our configuration take the place of the library's throttlers. */
  override async onModuleInit(): Promise<void> {}

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const type = context.getType<string>();
    if (type === 'ws') return true;
    const declared = this.reflector.getAllAndOverride<RateLimitClass | 'none' | undefined>(RATE_CLASS, [
      context.getHandler(),
      context.getClass(),
    ]);
    // In class `graphql` the door has counted the request already; a field's own class counts besides, once per alias.
    const name = declared ?? (type === 'graphql' ? 'none' : 'general');
    if (name !== 'none') {
      const request = requestOf(context);
      const response = responseOf(context);
      // Contract 50: a login counts for its account too, wherever it comes from.
      const account = name === 'auth_login' ? emailIn(context) : undefined;
      if (account) await this.hit(request, response, name, null, { account });
      // Contract 10, 14: who asks for mails to one address has not asked for another's; nobody asks for them to everybody's.
      const about = name === 'auth_recovery' ? emailIn(context) : undefined;
      if (about) await this.hit(request, response, 'auth_recovery_address', null);
      await this.hit(request, response, name, request.actor ?? null, { about });
    }
    return true;
  }

  /**
   * Counts `weight` hits of the class, by user or API key where one is known, or by the `account` they are for; of what they are `about` each has its own
   * count. @throws {TooMany} with Retry-After.
   */
  async hit(
    request: AppRequest,
    response: Response,
    declared: RateLimitClass,
    caller: Caller | null,
    counted: Counted = {},
  ): Promise<void> {
    const record = await this.count(request, response, declared, caller, counted);
    if (record?.isBlocked)
      throw new TooMany(
        'rate_limit_exceeded',
        `Rate limit exceeded. Try again in ${record.timeToBlockExpire} seconds.`,
        record.timeToBlockExpire,
      );
  }

  /** What was counted by address was no guess. */
  async giveBack(request: AppRequest, response: Response, declared: RateLimitClass): Promise<void> {
    await this.count(request, response, declared, null, { weight: -1 });
  }

  private async count(
    request: AppRequest,
    response: Response,
    declared: RateLimitClass,
    caller: Caller | null,
    { weight = 1, about = '', account }: Counted,
  ): Promise<ThrottlerRecord | null> {
    if (!this.config.rate_limit_enabled) return null;
    // A program asks more often than a person: keys have one class for what people have two for.
    const name = caller?.api_key_id && (declared === 'general' || declared === 'graphql') ? 'api_key' : declared;
    const { limit, seconds, by_address } = this.config.rate_limits[name];
    const holder = caller && holderOf(caller);
    const ip = async (): Promise<string> => `ip:${await this.getTracker(request as unknown as Record<string, unknown>)}`;
    const tracker = account ? `account:${account}` : by_address || !holder ? await ip() : `user:${holder}`;
    const record = await this.storageService.increment(
      `${name}:${tracker}${about && `:${about}`}`,
      seconds * 1000,
      limit,
      seconds * 1000,
      name,
      weight,
    );
    response.setHeader('X-RateLimit-Limit', limit);
    response.setHeader('X-RateLimit-Remaining', Math.max(0, limit - record.totalHits));
    response.setHeader('X-RateLimit-Reset', Math.ceil(Date.now() / 1000) + record.timeToExpire);
    return record;
  }
}

/** A short word for the e-mail a call names, however it is spelled; validation comes later. */
function emailIn(context: ExecutionContext): string | undefined {
  const graphql = context.getType<string>() === 'graphql';
  const given: unknown = graphql ? GqlExecutionContext.create(context).getArgs() : requestOf(context).body;
  const { email } = (given ?? {}) as { email?: unknown };
  if (typeof email !== 'string') return undefined;
  return createHash('sha256').update(email.trim().toLowerCase()).digest('base64url').slice(0, 22);
}
