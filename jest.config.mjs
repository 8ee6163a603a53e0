/** Runs what `nest build` emitted: the Swagger and GraphQL plugins live in that compiler. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/dist'],
  testMatch: ['**/*.spec.js'],
  transform: {},
  testTimeout: 60_000,
};
