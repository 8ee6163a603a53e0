import { Logger } from '@nestjs/common';
import { RedisScripts } from '#database/redis-scripts';
import { Buckets } from './buckets';

/** Longer than any test. */
const MS = 600_000;

const buckets = (): Buckets => new Buckets(new RedisScripts(null, new Logger(), ''));

describe('a bucket', () => {
  it('lets so many through, and says when to ask again', async () => {
    const one = buckets();

    expect(await one.take('a', [{ count: 3, ms: MS }], 2)).toEqual({ count: 2, wait_ms: 0 });
    const last = await one.take('a', [{ count: 3, ms: MS }], 2);

    expect(last.count).toBe(1);
    expect(last.wait_ms).toBeGreaterThan(0);
    expect(last.wait_ms).toBeLessThanOrEqual(MS);
    expect(await one.take('b', [{ count: 3, ms: MS }], 2)).toEqual({ count: 2, wait_ms: 0 });
  });

  it('lets through what all of its windows do', async () => {
    const windows = [
      { count: 5, ms: MS },
      { count: 2, ms: MS },
    ];

    expect((await buckets().take('a', windows, 10)).count).toBe(2);
  });

  it('takes back what was not used', async () => {
    const one = buckets();
    await one.take('a', [{ count: 3, ms: MS }], 3);

    await one.giveBack('a', 2);

    expect((await one.take('a', [{ count: 3, ms: MS }], 3)).count).toBe(2);
  });

  it('is without bounds where there is no window', async () => {
    expect(await buckets().take('a', [], 50)).toEqual({ count: 50, wait_ms: 0 });
  });
});
