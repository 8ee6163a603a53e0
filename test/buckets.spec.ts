import { Logger } from '@nestjs/common';
import { RedisScripts } from '#database/redis-scripts';
import { Buckets } from '#modules/whatsapp/limits/buckets';
import { type TestRedis, startRedis } from './support/redis';

/** Longer than any test. */
const MS = 600_000;

describe.each(['memory', 'Redis'])('in %s', (where) => {
  let redis: TestRedis | null = null;
  let scripts: RedisScripts;

  let count = 0;

  beforeAll(async () => {
    redis = where === 'Redis' ? await startRedis() : null;
  });
  afterAll(() => redis?.destroy());

  /** A database for each test: their keys are their own. */
  beforeEach(async () => {
    scripts = new RedisScripts(redis && `${redis.url}/${++count}`, new Logger(), '');
    while (scripts.is_missed) await new Promise((next) => setTimeout(next, 5));
  });
  afterEach(() => scripts.close());

  const buckets = (): Buckets => new Buckets(scripts);

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

    it('takes back nothing once all is forgotten', async () => {
      const one = buckets();
      await one.take('a', [{ count: 3, ms: MS }], 2);
      await one.forget('a');

      await one.giveBack('a', 2);

      await one.take('a', [{ count: 3, ms: MS }], 3);
      expect((await one.look('a', [{ count: 3, ms: MS }])).within(60)).toMatchObject({ count: 3 });
    });

    it('is without bounds where there is no window', async () => {
      expect(await buckets().take('a', [], 50)).toEqual({ count: 50, wait_ms: 0 });
    });
  });

  describe('a pace', () => {
    const PACE = { ms: MS, burst: 3 };

    it('lets a burst through and then one in its time; who may be ahead by less waits first', async () => {
      const one = buckets();

      expect([await one.pace('a', PACE, 3), await one.pace('a', PACE, 3), await one.pace('a', PACE, 3)]).toEqual([0, 0, 0]);
      const wait_ms = await one.pace('a', PACE, 3);

      expect(wait_ms).toBeGreaterThan(0);
      expect(wait_ms).toBeLessThanOrEqual(MS);
      expect(await one.pace('a', PACE, 1)).toBeGreaterThan(2 * MS);
      expect(await one.pace('b', PACE, 1)).toBe(0);
      expect(await one.pace('b', PACE, 1)).toBeGreaterThan(0);
    });

    it('counts who comes anyway, up to the burst', async () => {
      const one = buckets();

      for (let n = 0; n < 10; n++) expect(await one.pace('a', PACE, 0)).toBe(0);

      const wait_ms = await one.pace('a', PACE, 3);
      expect(wait_ms).toBeGreaterThan(0);
      expect(wait_ms).toBeLessThanOrEqual(MS);
    });

    it('takes back who did not come', async () => {
      const one = buckets();
      await one.pace('a', PACE, 1);

      await one.unpace('a', PACE);

      expect(await one.pace('a', PACE, 1)).toBe(0);
    });
  });

  describe('what was let through', () => {
    it('is counted back in time, without what was taken back', async () => {
      const one = buckets();
      await one.take('a', [{ count: 5, ms: MS }], 4);
      await one.giveBack('a', 1);

      const { wait_ms, within } = await one.look('a', [{ count: 3, ms: MS }]);

      expect(wait_ms).toBeGreaterThan(0);
      expect(within(60)).toEqual({ count: 3, resets_at: expect.any(Date) as Date });
      await one.forget('a');
      expect((await one.look('a', [{ count: 3, ms: MS }])).within(60)).toEqual({ count: 0, resets_at: null });
    });
  });
});
