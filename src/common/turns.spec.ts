import { Turns } from './turns';

/** Work that ends when told, and what has begun and ended of it. */
function works(turns: Turns, count: number, key?: string): { begun: number[]; done: Promise<unknown>[]; end: (n: number) => void } {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const done = Array.from({ length: count }, (_, n) =>
    turns.run(async () => {
      begun.push(n);
      await new Promise<void>((end) => (ends[n] = end));
      return n;
    }, key),
  );
  return { begun, done, end: (n) => ends[n]() };
}

it('runs so many at once and the others in the order they came', async () => {
  const { begun, done, end } = works(new Turns(2), 4);
  expect(begun).toEqual([0, 1]);

  end(1);
  await done[1];
  expect(begun).toEqual([0, 1, 2]);

  end(0);
  await done[0];
  end(2);
  end(3);
  expect(await Promise.all(done)).toEqual([0, 1, 2, 3]);
});

it('leaves turns to others, however many one key asks for', async () => {
  for (const [size, most] of [
    [2, 1],
    [5, 4],
    [10, 8],
  ]) {
    const turns = new Turns(size, { shared: true });
    const flood = works(turns, 30, 'acme');
    expect(flood.begun).toHaveLength(most);

    const neighbour = works(turns, 2, 'globex');
    expect(neighbour.begun).toContain(0);
    neighbour.end(0);
    await neighbour.done[0];
    // The neighbour's second came after the flood's and is before it.
    expect(neighbour.begun).toEqual([0, 1]);
    expect(flood.begun).toHaveLength(most);
  }
});

it('sends away who finds the line full', async () => {
  const { begun, done, end } = works(new Turns(1, { line_max: 1 }), 3);

  await expect(done[2]).rejects.toMatchObject({ status: 503, error_code: 'busy' });
  end(0);
  await done[0];
  end(1);
  await done[1];
  expect(begun).toEqual([0, 1]);
});

it('goes on after a failure', async () => {
  const turns = new Turns(1);

  await expect(turns.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.run(() => Promise.resolve('yes'))).toBe('yes');
});
