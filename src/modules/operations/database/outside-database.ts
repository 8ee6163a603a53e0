import type { JsonObject } from '#common/json.scalar';
import type { MongoRead } from './read-mongo';
import type { ReadStatement } from './read-statement';

/** Where another database stands, already judged, and who we are there. */
export interface Target {
  /** Connect here: it is what was judged. */
  address: string;
  port: number;
  /** What a certificate has to name. */
  host: string;
  database: string;
  username: string | undefined;
  password: string | undefined;
  ssl: boolean;
}

export interface Limits {
  timeout_ms: number;
  max_rows: number;
}

export interface Rows {
  data: JsonObject[];
  /** There were more. */
  truncated: boolean;
}

/** Another database, asked once: each call is a connection of its own. */
export interface OutsideDatabase<Question> {
  version(target: Target): Promise<string>;
  read(target: Target, question: Question, limits: Limits): Promise<Rows>;
}

export type OutsidePostgres = OutsideDatabase<ReadStatement>;
export type OutsideMongo = OutsideDatabase<MongoRead>;

export const CONNECT_MS = 5_000;
/** All that comes from there: more would hold up everybody else while it is read. */
export const ANSWER_MAX_BYTES = 1024 * 1024;

/** Why the other side could not be asked; in our words or in its own, never with a password. */
export class OutsideFailure extends Error {}

export const TOO_LARGE = new OutsideFailure('The answer is larger than 1 MB. Ask for less.');

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was cut.',
  ENOTFOUND: 'The host is not known.',
  ETIMEDOUT: 'The host does not answer.',
  EHOSTUNREACH: 'The host cannot be reached.',
  ENETUNREACH: 'The host cannot be reached.',
};

/** What the network did, in words. */
export const failureOf = (error: unknown, otherwise: string): OutsideFailure =>
  error instanceof OutsideFailure ? error : new OutsideFailure(WORDS[(error as { code?: string }).code ?? ''] ?? otherwise);
