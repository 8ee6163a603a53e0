import { Alike } from './alike';

/** A read that ends when it is told to, and counts itself. */
function slowRead() {
  const ends: (() => void)[] = [];
  const read = async (): Promise<number> => {
    const nth = ends.length + 1;
    await new Promise<void>((resolve) => ends.push(resolve));
    return nth;
  };
  const end = async (n: number): Promise<void> => {
    ends[n]();
    await new Promise(setImmediate);
  };
  return { read, end, begun: () => ends.length };
}

describe('Alike', () => {
  it('who asks while one reads is given the next read, all of them the same', async () => {
    const alike = new Alike();
    const { read, end, begun } = slowRead();
    const first = alike.ask(['shop', 1], read);
    const others = [1, 2, 3].map(() => alike.ask(['shop', 1], read));
    expect(begun()).toBe(1);
    await end(0);
    expect(await first).toBe(1);
    const late = alike.ask(['shop', 1], read);
    expect(begun()).toBe(2);
    await end(1);
    expect(await Promise.all(others)).toEqual([2, 2, 2]);
    await end(2);
    expect(await late).toBe(3);
  });

  it('another question, or another organization, waits for nobody', () => {
    const alike = new Alike();
    const { read, begun } = slowRead();
    for (const question of [
      ['shop', 1],
      ['shop', 2],
      ['bakery', 1],
    ] as const)
      void alike.ask(question, read);
    expect(begun()).toBe(3);
  });

  it('a read that fails fails those who waited for it, and nobody after them', async () => {
    const alike = new Alike();
    const fail = alike.ask(['shop'], () => Promise.reject(new Error('gone')));
    const next = alike.ask(['shop'], () => Promise.resolve('here'));
    await expect(fail).rejects.toThrow('gone');
    expect(await next).toBe('here');
    expect(await alike.ask(['shop'], () => Promise.resolve('again'))).toBe('again');
  });
});
