import { jest } from '@jest/globals';

/**
 * The specs run real processes, servers and their own sweeps on two busy cores. In the gate a test that failed is run once more, at once, and its
 * first error is printed: what is broken fails twice.
 */
if (process.env.CI) jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });
