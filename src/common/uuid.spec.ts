import { isUuid, newId } from './uuid';

describe('a new id', () => {
  const ids = Array.from({ length: 20_000 }, newId);

  it('is a UUIDv7 of now', () => {
    const age = Date.now() - parseInt(ids[0].replace('-', '').slice(0, 12), 16);

    expect(ids.every((id) => isUuid(id) && id[14] === '7')).toBe(true);
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(60_000);
  });

  it('sorts after every one before it, and is none of them', () => {
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map((id) => id.slice(-12))).size).toBeGreaterThan(ids.length - 2);
  });
});
