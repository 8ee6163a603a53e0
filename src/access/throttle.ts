import { type ExecutionContext, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerStorage } from '@nestjs/throttler';
import Redis from 'ioredis';
import { TooMany } from '#common/errors';
import { Config, type RateLimitClass } from '#config/config';
import { RATE_CLASS } from './decorators';
import { type AppRequest, requestOf, responseOf } from './request';

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** GraphQL fields that count in a class of their own, once per alias. */
const GRAPHQL_FIELD_CLASSES: Record<string, RateLimitClass> = {
  login: 'auth_login',
  register: 'auth_register',
  refreshToken: 'auth_refresh',
};

/** Counts and window end in one round trip. */
const COUNT_SCRIPT = `local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}`;

const MEMORY_MAX = 100_000;

/** Fixed windows: in Redis for all processes, in this process's memory without it or while it is down. */
@Injectable()
export class RateStore implements ThrottlerStorage, OnModuleDestroy {
  private readonly logger = new Logger(RateStore.name);
  private readonly windows = new Map<string, { hits: number; ends_at: number }>();
  private readonly redis: Redis | null;
  private degraded = false;

  constructor(config: Config) {
    this.redis = config.redis_url
      ? new Redis(config.redis_url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 500, lazyConnect: false })
      : null;
    this.redis?.on('error', () => this.degrade());
  }

  async increment(key: string, ttl_ms: number, limit: number): Promise<ThrottlerRecord> {
    const { hits, left_ms } = await this.count(`rate:${key}`, ttl_ms);
    const seconds = Math.max(1, Math.ceil(left_ms / 1000));
    return { totalHits: hits, timeToExpire: seconds, isBlocked: hits > limit, timeToBlockExpire: seconds };
  }

  /** @throws While Redis, where it is configured, does not answer. */
  async check(): Promise<void> {
    await this.redis?.ping();
  }

  onModuleDestroy(): void {
    this.redis?.disconnect();
  }

  private async count(key: string, ttl_ms: number): Promise<{ hits: number; left_ms: number }> {
    if (this.redis?.status === 'ready') {
      try {
        const [hits, left_ms] = (await this.redis.eval(COUNT_SCRIPT, 1, key, ttl_ms)) as [number, number];
        this.degraded = false;
        return { hits, left_ms };
      } catch {
        this.degrade();
      }
    }
    const now = Date.now();
    const window = this.windows.get(key);
    if (window && window.ends_at > now) return { hits: ++window.hits, left_ms: window.ends_at - now };
    if (this.windows.size >= MEMORY_MAX)
      for (const [old, { ends_at }] of this.windows) if (ends_at <= now || this.windows.size >= MEMORY_MAX) this.windows.delete(old);
    this.windows.set(key, { hits: 1, ends_at: now + ttl_ms });
    return { hits: 1, left_ms: ttl_ms };
  }

  private degrade(): void {
    if (!this.degraded) this.logger.warn('Redis is not reachable: rate limits are counted per process until it is back');
    this.degraded = true;
  }
}

/** A request counts in exactly one class (contract 10 §14); a GraphQL login counts in its own besides. */
@Injectable()
export class ThrottleGuard extends ThrottlerGuard {
  // Set in AccessModule: the parent's constructor is the library's.
  config: Config;

  /** The classes of our configuration take the place of the library's throttlers. */
  override async onModuleInit(): Promise<void> {}

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType<string>() === 'ws') return true;
    const request = requestOf(context);
    const name = this.reflector.getAllAndOverride<RateLimitClass | 'none' | undefined>(RATE_CLASS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (context.getType<string>() === 'graphql') {
      const own = GRAPHQL_FIELD_CLASSES[context.getHandler().name];
      if (own) await this.hit(context, request, own);
      if (!request.counted_classes?.has('graphql')) await this.hit(context, request, 'graphql');
      return true;
    }
    if (name !== 'none') await this.hit(context, request, name ?? 'general');
    return true;
  }

  /** Counts one hit of `name`. @throws {TooMany} with Retry-After. */
  async hit(context: ExecutionContext, request: AppRequest, name: RateLimitClass): Promise<void> {
    if (!this.config.rate_limit_enabled) return;
    (request.counted_classes ??= new Set()).add(name);
    const { limit, seconds } = this.config.rate_limits[name];
    const byIp =
      name === 'auth_login' || name === 'auth_register' || name === 'auth_refresh' || name === 'auth_token' || name === 'webhook';
    const tracker =
      byIp || !request.actor?.user_id
        ? `ip:${await this.getTracker(request as unknown as Record<string, unknown>)}`
        : `user:${request.actor.user_id}`;
    const record = await this.storageService.increment(`${name}:${tracker}`, seconds * 1000, limit, seconds * 1000, name);
    const response = responseOf(context);
    response.setHeader('X-RateLimit-Limit', limit);
    response.setHeader('X-RateLimit-Remaining', Math.max(0, limit - record.totalHits));
    response.setHeader('X-RateLimit-Reset', Math.ceil(Date.now() / 1000) + record.timeToExpire);
    if (record.isBlocked)
      throw new TooMany(
        'rate_limit_exceeded',
        `Rate limit exceeded. Try again in ${record.timeToBlockExpire} seconds.`,
        record.timeToBlockExpire,
      );
  }
}
