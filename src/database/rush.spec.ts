import { setTimeout as sleep } from 'node:timers/promises';
import { Rush } from './rush';

const now = async (work: Promise<void>): Promise<boolean> => Promise.race([work.then(() => true), sleep(100).then(() => false)]);

describe('a rush', () => {
  it('goes first while it lasts, of one organization', async () => {
    let awaited_at = Infinity;
    const rush = new Rush((id) => (id === 'acme' ? awaited_at : -Infinity));

    const given = [rush.giveWay('acme'), rush.giveWay('acme')];
    expect(await now(given[0])).toBe(false);
    expect(await now(rush.giveWay('globex'))).toBe(true);
    awaited_at = -Infinity;
    await Promise.all(given);

    expect(await now(rush.giveWay('acme'))).toBe(true);
  });

  it('that does not end gives its turn back, and has another one', async () => {
    const rush = new Rush(() => Infinity);

    await rush.giveWay('acme');
    expect(await now(rush.giveWay('acme'))).toBe(true);

    while (await now(rush.giveWay('acme'))) await sleep(50);
  });
});
