import { setTimeout as sleep } from 'node:timers/promises';
import { Rush } from './rush';

const now = async (work: Promise<void>): Promise<boolean> => Promise.race([work.then(() => true), sleep(100).then(() => false)]);

describe('a rush', () => {
  it('goes first while it lasts', async () => {
    let awaited_at = Infinity;
    const rush = new Rush(() => awaited_at);

    const given = [rush.giveWay(), rush.giveWay()];
    expect(await now(given[0])).toBe(false);
    awaited_at = 0;
    await Promise.all(given);

    expect(await now(rush.giveWay())).toBe(true);
  });

  it('that does not end gives its turn back, and has another one', async () => {
    const rush = new Rush(() => Infinity);

    await rush.giveWay();
    expect(await now(rush.giveWay())).toBe(true);

    while (await now(rush.giveWay())) await sleep(50);
  });
});
