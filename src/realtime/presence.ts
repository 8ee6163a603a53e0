import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { LIMITS } from './realtime.limits';
import { RealtimeRedis } from './realtime.redis';
import { type PresenceChange, RealtimeRooms } from './realtime.rooms';

const ONLINE = 'realtime:online';
const RECONCILE = 'realtime:online:reconcile';
const BATCH = 1000;

/** Leases the given users for ARGV[1] ms from now, by Redis' clock; answers who was not leased before. */
const RENEW = `local t = redis.call('TIME')
local till = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[1])
local fresh = {}
for i = 2, #ARGV do
  if not redis.call('ZSCORE', KEYS[1], ARGV[i]) then fresh[#fresh + 1] = ARGV[i] end
  redis.call('ZADD', KEYS[1], till, ARGV[i])
end
return fresh`;

/** Takes out whose lease is over. Each of them is answered once, to one node. */
const EXPIRE = `local t = redis.call('TIME')
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', t[1] * 1000 + math.floor(t[2] / 1000), 'LIMIT', 0, ${BATCH})
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
return gone`;

/** A user with sockets here (`live` of them), or with none since `left_at`. */
interface Lease {
  live: number;
  left_at: number;
}

/**
 * Who is online: from the first live socket of either kind until a minute after the last one dropped.
 * In Redis a lease that every node with a socket renews, so a node that dies needs no obituary; without Redis the same in memory.
 */
@Injectable()
export class Presence implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(Presence.name);
  /** By `organization_id:user_id`. */
  private readonly leases = new Map<string, Lease>();
  /** Not yet taken by the users room: the last change of each. */
  private readonly untold = new Map<string, PresenceChange>();
  private telling = false;
  private ticks = 0;
  private timer?: NodeJS.Timeout;

  constructor(
    private readonly redis: RealtimeRedis,
    private readonly rooms: RealtimeRooms,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.tick(), LIMITS.presence_tick_ms).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  arrived(organization_id: string, user_id: string): void {
    const key = `${organization_id}:${user_id}`;
    const lease = this.leases.get(key);
    if (lease) {
      lease.live++;
      return;
    }
    this.leases.set(key, { live: 1, left_at: 0 });
    // While Redis is away nobody knows whether another node has them; online is true either way.
    if (this.redis.configured && this.redis.ready) void this.renew([key]).catch(() => this.change([key], true));
    else this.change([key], true);
  }

  left(organization_id: string, user_id: string): void {
    const key = `${organization_id}:${user_id}`;
    const lease = this.leases.get(key);
    if (!lease || --lease.live > 0) return;
    lease.left_at = Date.now();
    if (this.redis.configured && this.redis.ready) void this.renew([key]).catch(() => undefined);
  }

  private async tick(): Promise<void> {
    try {
      if (this.redis.configured) {
        if (!this.redis.ready) return;
        await this.renew([...this.leases.keys()]);
        for (let gone = await this.expire(); gone.length; gone = await this.expire()) this.change(gone, false);
      } else {
        const over = Date.now() - LIMITS.presence_grace_ms;
        const gone = [...this.leases].filter(([, { live, left_at }]) => !live && left_at <= over).map(([key]) => key);
        for (const key of gone) this.leases.delete(key);
        this.change(gone, false);
      }
      await this.tell();
      // Not before every node had time to renew after a restart of ours or of Redis.
      if (++this.ticks * LIMITS.presence_tick_ms > LIMITS.presence_grace_ms) await this.reconcile();
    } catch (error) {
      this.ticks = 0;
      if (this.redis.ready || !this.redis.configured) this.logger.warn({ msg: 'presence: will try again', err: error });
    }
  }

  /** Writes leases to Redis; what was left here is then Redis' to end. */
  private async renew(keys: string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += BATCH) {
      const some = keys.slice(i, i + BATCH);
      const fresh = (await this.redis.speaker?.eval(RENEW, 1, ONLINE, LIMITS.presence_grace_ms, ...some)) as string[] | undefined;
      for (const key of some) if (this.leases.get(key)?.live === 0) this.leases.delete(key);
      this.change(fresh ?? [], true);
    }
  }

  private async expire(): Promise<string[]> {
    return ((await this.redis.speaker?.eval(EXPIRE, 1, ONLINE)) as string[] | undefined) ?? [];
  }

  private change(keys: readonly string[], is_online: boolean): void {
    if (!keys.length || !this.rooms.presence) return;
    const at = new Date();
    for (const key of keys) {
      const [organization_id, user_id] = key.split(':');
      this.untold.set(key, { organization_id, user_id, is_online, at });
    }
    void this.tell();
  }

  /** One at a time, so that a user's coming and going keep their order. What fails stays for the next tick. */
  private async tell(): Promise<void> {
    if (this.telling) return;
    this.telling = true;
    try {
      for (const [key, change] of this.untold) {
        await this.rooms.presence?.changed(change);
        if (this.untold.get(key) === change) this.untold.delete(key);
      }
    } catch (error) {
      this.logger.warn({ msg: 'presence: could not be written, will try again', err: error });
    } finally {
      this.telling = false;
    }
  }

  private async reconcile(): Promise<void> {
    const listener = this.rooms.presence;
    if (!listener?.reconcile || this.untold.size) return;
    let online = [...this.leases.keys()];
    if (this.redis.configured) {
      // One node at a time is enough.
      if (!(await this.redis.speaker?.set(RECONCILE, '1', 'PX', LIMITS.presence_grace_ms, 'NX'))) return;
      online = (await this.redis.speaker?.zrange(ONLINE, 0, -1)) ?? [];
    } else if (this.ticks % 12) return;
    await listener.reconcile(online.map((key) => key.slice(key.indexOf(':') + 1)));
  }
}
