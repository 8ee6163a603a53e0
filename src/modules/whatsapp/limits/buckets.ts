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

/** One in so much time, but `burst` at once when nobody came before. */
export interface Pace {
  ms: number;
  burst: number;
}

/** So many keys are remembered without Redis. */
const MEMORY_MAX = 100_000;

const MINUTE_MS = 60_000;
/** What was let through is counted by the minute, a day back. */
const MINUTES = 24 * 60;

const NOW = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(now / ${MINUTE_MS})
local counts = KEYS[1] .. ':count'`;

// The times of the last ones, the newest first: the n-th last says when the window of n is free again. By Redis's own clock, whoever asks.
const TAKE = `${NOW}
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
if taken > 0 then
  redis.call('HINCRBY', counts, minute, taken)
  redis.call('PEXPIRE', counts, ${(MINUTES + 1) * MINUTE_MS})
  if redis.call('HLEN', counts) > ${2 * MINUTES} then
    for _, at in ipairs(redis.call('HKEYS', counts)) do
      if tonumber(at) <= minute - ${MINUTES} then redis.call('HDEL', counts, at) end
    end
  end
end
return {taken, wait}`;

const GIVE_BACK = `${NOW}
local back = redis.call('LPOP', KEYS[1], ARGV[1])
if back then redis.call('HINCRBY', counts, minute, -#back) end
return 1`;

const LOOK = `${NOW}
local wait = 0
for i = 1, #ARGV, 2 do
  local at = redis.call('LINDEX', KEYS[1], ARGV[i] - 1)
  if at then wait = math.max(wait, math.min(at - now, 0) + ARGV[i + 1]) end
end
return {wait, redis.call('HGETALL', counts)}`;

const FORGET = `redis.call('DEL', KEYS[1], KEYS[1] .. ':count') return 1`;

// Until when what was let through is paid for; whoever asks may be so much ahead of it.
const PACE = `${NOW}
local ms, burst, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local paid = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local wait = paid - now - (ahead - 1) * ms
if ahead > 0 and wait > 0 then return math.ceil(wait) end
paid = math.min(paid + ms, now + burst * ms)
redis.call('SET', KEYS[1], string.format('%.0f', paid), 'PX', math.ceil(paid - now))
return 0`;

const UNPACE = `local paid = redis.call('GET', KEYS[1])
if paid then redis.call('SET', KEYS[1], string.format('%.0f', paid - ARGV[1]), 'KEEPTTL') end
return 1`;

/** What a key's windows say, and what was counted for it. */
export interface Look {
  /** 0: the next may come. */
  wait_ms: number;
  /** How many were let through in this minute and so many before it, and when the first of them is one too long ago; null: there was none. */
  within: (minutes: number) => { count: number; resets_at: Date | null };
}

interface Log {
  /** The newest last. */
  times: number[];
  /** By minute. */
  counts: Bounded<number, number>;
}

/** Counts what is let through, by key: for all processes in Redis, else for this one. */
export class Buckets {
  private readonly logs = new Bounded<string, Log>({ count: MEMORY_MAX });
  private readonly paid = new Bounded<string, number>({ count: MEMORY_MAX });

  constructor(private readonly redis: RedisScripts) {}

  /** All windows hold. */
  async take(key: string, windows: readonly Window[], count: number): Promise<Taken> {
    const shared = await this.redis.run<[number, number]>(TAKE, key, [count, ...flat(windows)]);
    if (shared) return { count: shared[0], wait_ms: shared[1] };
    const log = this.logs.get(key) ?? { times: [], counts: new Bounded({ count: MINUTES }) };
    this.logs.set(key, log);
    const now = performance.now();
    const most = Math.max(...windows.map((window) => window.count));
    let taken = 0;
    let wait_ms = 0;
    while (taken < count) {
      wait_ms = waitOf(log.times, windows, now);
      if (wait_ms > 0) break;
      log.times.push(now);
      taken++;
    }
    if (log.times.length > 2 * most) log.times.splice(0, log.times.length - most);
    if (taken) log.counts.set(thisMinute(), (log.counts.get(thisMinute()) ?? 0) + taken);
    return { count: taken, wait_ms };
  }

  /** So many were let through for nothing. */
  async giveBack(key: string, count: number): Promise<void> {
    if (await this.redis.run(GIVE_BACK, key, [count])) return;
    const log = this.logs.get(key);
    const back = log?.times.splice(-count).length;
    if (back) log.counts.set(thisMinute(), (log.counts.get(thisMinute()) ?? 0) - back);
  }

  /** Takes nothing. */
  async look(key: string, windows: readonly Window[]): Promise<Look> {
    const shared = await this.redis.run<[number, string[]]>(LOOK, key, flat(windows));
    if (shared) {
      const [wait_ms, counts] = shared;
      return { wait_ms, within: counter(counts.flatMap((at, n) => (n % 2 ? [] : [[Number(at), Number(counts[n + 1])] as const]))) };
    }
    const { times = [], counts = [] } = this.logs.get(key) ?? {};
    return { wait_ms: waitOf(times, windows, performance.now()), within: counter([...counts]) };
  }

  async forget(key: string): Promise<void> {
    this.logs.delete(key);
    await this.redis.run(FORGET, key, []);
  }

  /** Whether the next may come at this pace: 0, or in how many milliseconds to ask again. `ahead`: so many of the burst are for who asks; 0: it comes anyway. */
  async pace(key: string, { ms, burst }: Pace, ahead: number): Promise<number> {
    const shared = await this.redis.run<number>(PACE, key, [ms, burst, ahead]);
    if (shared !== null) return shared;
    const now = performance.now();
    const paid = Math.max(now, this.paid.get(key) ?? 0);
    const wait_ms = paid - now - (ahead - 1) * ms;
    if (ahead > 0 && wait_ms > 0) return Math.ceil(wait_ms);
    // Newest last.
    this.paid.delete(key);
    this.paid.set(key, Math.min(paid + ms, now + burst * ms));
    return 0;
  }

  /** The last one did not come. */
  async unpace(key: string, { ms }: Pace): Promise<void> {
    if (await this.redis.run(UNPACE, key, [ms])) return;
    const paid = this.paid.get(key);
    if (paid !== undefined) this.paid.set(key, paid - ms);
  }
}

function counter(counts: readonly (readonly [minute: number, count: number])[]): Look['within'] {
  return (minutes) => {
    const recent = counts.filter(([minute, count]) => minute > thisMinute() - minutes && count !== 0);
    // A minute may have been given back what was taken in the one before it.
    const count = Math.max(
      0,
      recent.reduce((sum, [, some]) => sum + some, 0),
    );
    const first = Math.min(...recent.flatMap(([minute, some]) => (some > 0 ? minute : [])));
    return { count, resets_at: count ? new Date((first + minutes) * MINUTE_MS) : null };
  };
}

const flat = (windows: readonly Window[]): number[] => windows.flatMap(({ count, ms }) => [count, ms]);

const thisMinute = (): number => Math.floor(Date.now() / MINUTE_MS);

const waitOf = (times: readonly number[], windows: readonly Window[], now: number): number =>
  Math.max(0, ...windows.map(({ count, ms }) => Math.ceil((times.at(-count) ?? -Infinity) + ms - now)));
