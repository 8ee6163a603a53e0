import { createHash } from 'node:crypto';

/** What is kept of a token of ours: who reads the database has none. It is long and random, so that nobody finds it by trying. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
