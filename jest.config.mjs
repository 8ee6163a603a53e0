/** Runs what `nest build` emitted: the Swagger and GraphQL plugins live in that compiler. */
export default {
  testEnvironment: '<rootDir>/dist/test/support/jest-environment.js',
  runtime: '<rootDir>/dist/test/support/jest-runtime.js',
  roots: ['<rootDir>/dist'],
  testMatch: ['**/*.spec.js'],
  transform: {},
  globalSetup: '<rootDir>/dist/test/support/global-setup.js',
  globalTeardown: '<rootDir>/dist/test/support/global-teardown.js',
  testTimeout: 120_000,
  // Of two cores: many specs wait for a process of their own, a store, a clock.
  maxWorkers: 3,
};
