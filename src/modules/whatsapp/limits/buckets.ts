import { Bounded } from '#common/bounded';
import type { RedisScripts } from '#database/redis-scripts';

/** At most so many within any such time: it slides, so that no two of them meet at a border. */
export interface Window {
  count: number;
  ms: number;
}

/** How many of those asked for were let through, and when the next may be asked for. */
export interface Taken {
  count: number;
  /** 0: all were. */
  wait_ms: number;
}

/** So many keys are remembered without Redis. */
const MEMORY_MAX = 100_000;

// The times of the last ones, the newest first: the n-th last says when the window of n is free again. By Redis's own clock, whoever asks.
const TAKE = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local taken, wait, most, longest = 0, 0, 0, 0
for i = 2, #ARGV, 2 do
  most = math.max(most, ARGV[i])
  longest = math.max(longest, ARGV[i + 1])
end
while taken < tonumber(ARGV[1]) do
  for i = 2, #ARGV, 2 do
    local at = redis.call('LINDEX', KEYS[1], ARGV[i] - 1)
    if at then wait = math.max(wait, math.min(at - now, 0) + ARGV[i + 1]) end
  end
  if wait > 0 then break end
  redis.call('LPUSH', KEYS[1], now)
  taken = taken + 1
end
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], longest)
return {taken, wait}`;

const GIVE_BACK = `redis.call('LPOP', KEYS[1], ARGV[1]) return 1`;

/** Counts what is let through, by key: for all processes in Redis, else for this one. */
export class Buckets {
  /** The newest last. */
  private readonly logs = new Bounded<string, number[]>({ count: MEMORY_MAX });

  constructor(private readonly redis: RedisScripts) {}

  /** All windows hold. */
  async take(key: string, windows: readonly Window[], count: number): Promise<Taken> {
    const shared = await this.redis.run<[number, number]>(TAKE, key, [count, ...windows.flatMap((window) => [window.count, window.ms])]);
    if (shared) return { count: shared[0], wait_ms: shared[1] };
    const log = this.logs.get(key) ?? [];
    this.logs.set(key, log);
    const now = performance.now();
    const most = Math.max(...windows.map((window) => window.count));
    let taken = 0;
    let wait_ms = 0;
    while (taken < count) {
      wait_ms = Math.max(0, ...windows.map((window) => Math.ceil((log.at(-window.count) ?? -Infinity) + window.ms - now)));
      if (wait_ms > 0) break;
      log.push(now);
      taken++;
    }
    if (log.length > 2 * most) log.splice(0, log.length - most);
    return { count: taken, wait_ms };
  }

  /** So many were let through for nothing. */
  async giveBack(key: string, count: number): Promise<void> {
    if (!(await this.redis.run(GIVE_BACK, key, [count]))) this.logs.get(key)?.splice(-count);
  }
}
