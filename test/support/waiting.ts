import { Client } from 'pg';
import { until } from './sockets';
import type { World } from './world';

/** Asks while another process holds a user's row; when somebody waits for it, that process does its `work` and lets go. Answers what was asked. */
export async function whileHeld<T>(
  w: Pick<World, 'env' | 'sql'>,
  user_id: string,
  ask: () => PromiseLike<T>,
  work: (client: Client) => Promise<unknown>,
): Promise<T> {
  const client = new Client({ connectionString: w.env.DATABASE_URL });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user_id]);
    const asked = Promise.resolve(ask());
    const waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await until(async () => (await w.sql(waits)).length, 'somebody who waits for the row');
    await work(client);
    await client.query('COMMIT');
    return await asked;
  } finally {
    await client.end();
  }
}
