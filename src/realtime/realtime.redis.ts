import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import Redis, { type Command, type RedisOptions } from 'ioredis';
import { Config } from '#config/config';

/** @socket.io/redis-adapter awaits none of its commands: with Redis away each would be an unhandled rejection and end the process. */
class QuietRedis extends Redis {
  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    command.promise.catch(() => undefined);
    return super.sendCommand(command, stream);
  }
}

/** The two Redis clients of realtime; none in the embedded profile. They reconnect by themselves. */
@Injectable()
export class RealtimeRedis implements OnApplicationShutdown {
  private readonly logger = new Logger('realtime');
  readonly configured: boolean;
  /** Says: publications, leases of who is online. Never queues: what Redis misses while it is away is not told late. */
  readonly speaker: Redis | null = null;
  /** Hears. Its subscriptions wait for Redis and come back with it. */
  readonly listener: Redis | null = null;
  private degraded = false;

  constructor({ redis_url }: Config) {
    this.configured = redis_url !== null;
    if (redis_url === null) return;
    const options: RedisOptions = { connectTimeout: 2000, keepAlive: 10_000, retryStrategy: (times) => Math.min(100 * times, 2000) };
    this.speaker = new QuietRedis(redis_url, {
      ...options,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: 2000,
    });
    this.listener = new QuietRedis(redis_url, { ...options, maxRetriesPerRequest: null });
    for (const client of [this.speaker, this.listener])
      client
        .on('error', () => this.degrade())
        .on('close', () => this.degrade())
        .on('ready', () => (this.degraded = !this.ready));
  }

  get ready(): boolean {
    return this.speaker?.status === 'ready' && this.listener?.status === 'ready';
  }

  /** For the health check. @throws when Redis is configured and does not answer: events stay on their own node. */
  async check(): Promise<void> {
    if (!this.speaker) return;
    if (!this.ready) throw new Error('realtime: no connection to Redis');
    await this.speaker.ping();
  }

  async onApplicationShutdown(): Promise<void> {
    for (const client of [this.speaker, this.listener]) {
      if (client?.status === 'ready') await client.quit().catch(() => undefined);
      client?.disconnect();
    }
  }

  private degrade(): void {
    if (!this.degraded && this.speaker?.status !== 'end')
      this.logger.warn('Redis is not reachable: events reach the sockets of their own process only until it is back');
    this.degraded = true;
  }
}
