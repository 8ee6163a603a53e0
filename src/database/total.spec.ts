import { SEARCH_MAX, lengthIfCommon } from './total';

it('what few of the newest meet may be rare; of what many do, a list of some length has twice what is counted', () => {
  expect(lengthIfCommon(500, 19)).toBeNull();
  expect(lengthIfCommon(300, 11)).toBeNull();
  expect(lengthIfCommon(500, 20)).toBe(100_000);
  expect(lengthIfCommon(300, 12)).toBe(100_000);
  expect(lengthIfCommon(300, 300)).toBe(2 * SEARCH_MAX);
});
