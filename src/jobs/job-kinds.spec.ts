import { backoffSeconds } from './job-kinds';

const backoff = { base_seconds: 2, max_seconds: 60 };

it('doubles the wait before each further attempt', () => {
  expect([1, 2, 3, 4].map((attempt) => backoffSeconds(backoff, attempt, 0))).toEqual([2, 4, 8, 16]);
});

it('spreads jobs that failed together, up to twice the wait', () => {
  expect(backoffSeconds(backoff, 1, 0.5)).toBe(3);
});

it('never waits longer than the most', () => {
  expect(backoffSeconds(backoff, 6, 1)).toBe(60);
  expect(backoffSeconds(backoff, 1_000, 1)).toBe(60);
});
