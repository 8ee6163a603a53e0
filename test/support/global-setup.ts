import { startTestPostgres } from './postgres';

/** One PostgreSQL for the whole run, unless TEST_DATABASE_URL names one whose user may create databases and roles. */
export default async function setup(): Promise<void> {
  if (process.env.TEST_DATABASE_URL) return;
  const server = await startTestPostgres();
  process.env.TEST_DATABASE_URL = server.url;
  (globalThis as { testPostgres?: typeof server }).testPostgres = server;
}
