import type { Logger } from '@nestjs/common';
import Redis from 'ioredis';

/** What all processes count together, in Redis. Without it, or while it is away, each counts for itself; that is said once. */
export class RedisScripts {
  private readonly redis: Redis | null;
  private is_away = false;

  /** `meanwhile`: what the log says of the time without it. */
  constructor(
    redis_url: string | null,
    private readonly logger: Logger,
    private readonly meanwhile: string,
  ) {
    this.redis = redis_url
      ? new Redis(redis_url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 500, lazyConnect: false })
      : null;
    this.redis?.on('error', (error) => this.miss(error));
  }

  /** What the script answers for the key; null: Redis is not configured, or not there. */
  async run<R>(script: string, key: string, values: readonly number[]): Promise<R | null> {
    if (this.redis?.status !== 'ready') return null;
    try {
      const answer = (await this.redis.eval(script, 1, key, ...values)) as R;
      this.is_away = false;
      return answer;
    } catch (error) {
      this.miss(error as Error);
      return null;
    }
  }

  /** Redis is configured, but not there. */
  get is_missed(): boolean {
    return this.redis !== null && this.redis.status !== 'ready';
  }

  /** @throws While Redis, where it is configured, does not answer. */
  async check(): Promise<void> {
    await this.redis?.ping();
  }

  close(): void {
    this.redis?.disconnect();
  }

  private miss(error: Error): void {
    if (!this.is_away) this.logger.warn({ msg: `Redis does not answer: ${this.meanwhile} until it does`, err: error });
    this.is_away = true;
  }
}
