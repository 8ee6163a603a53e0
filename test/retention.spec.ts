import { randomUUID } from 'node:crypto';
import { newId } from '#common/uuid';
import { SweepRetention } from '#jobs/sweep-retention';
import { type World, world } from './support/world';

let w: World;
beforeAll(async () => {
  w = await world();
});

/** Rows of a kind, by their age in days; answers which ages are left after the sweep. */
async function left(insert: (key: string, days: number) => Promise<unknown>, remaining: string, ages: number[]): Promise<number[]> {
  const keys = new Map(ages.map((days) => [randomUUID() as string, days]));
  for (const [key, days] of keys) await insert(key, days);

  await w.app.get(SweepRetention).sweep();

  const rows = await w.sql<{ key: string }>(remaining, [[...keys.keys()]]);
  return rows.map(({ key }) => keys.get(key) ?? NaN).sort((a, b) => a - b);
}

it('forgets raw webhooks after 30 days, but none that still waits', async () => {
  const insert = (state: string) => (key: string, days: number) =>
    w.sql(
      `INSERT INTO inbound_events (id, organization_id, provider, state, reason, body)
       VALUES (uuid_at(now() - make_interval(days => $2)), $3, 'meta', $4, $1, ''::bytea)`,
      [key, days, w.acme.id, state],
    );
  const remaining = 'SELECT reason AS key FROM inbound_events WHERE reason = ANY($1)';

  expect(await left(insert('processed'), remaining, [1, 29, 31])).toEqual([1, 29]);
  expect(await left(insert('received'), remaining, [31])).toEqual([31]);
});

it('forgets what was parked: without its message after 7 days, what could not be filed after 90', async () => {
  const insert = (kind: string) => (key: string, days: number) =>
    w.sql(
      `INSERT INTO parked_items (id, organization_id, kind, inbound_event_id, item, created_at)
       VALUES ($1, $2, $3, $1, '{}', now() - make_interval(days => $4))`,
      [key, w.acme.id, kind, days],
    );
  const remaining = 'SELECT id AS key FROM parked_items WHERE id = ANY($1::uuid[])';

  expect(await left(insert('orphan'), remaining, [1, 8])).toEqual([1]);
  expect(await left(insert('poison'), remaining, [8, 91])).toEqual([8]);
});

it('forgets facts that a reader gave up after 90 days, and none that still waits', async () => {
  const insert = (reader: string) => (key: string, days: number) =>
    w.sql(
      `INSERT INTO facts (reader, organization_id, name, aggregate, data, due_at) VALUES ($1, $2, 'user.updated', $3, '{}', now() - make_interval(days => $4))`,
      [reader, w.acme.id, key, days],
    );
  const remaining = 'SELECT aggregate AS key FROM facts WHERE aggregate = ANY($1)';

  expect(await left(insert('dead:unassign'), remaining, [1, 89, 91])).toEqual([1, 89]);
  expect(await left(insert('of-another-version'), remaining, [91])).toEqual([91]);
});

it('forgets keys of requests after a day, and logins after they ended', async () => {
  const key = (name: string, days: number) =>
    w.sql(
      `INSERT INTO idempotency_keys (organization_id, key, fingerprint, created_at) VALUES ($1, $2, repeat('0', 64), now() - make_interval(days => $3))`,
      [w.acme.id, name, days],
    );
  const session = (id: string, days: number) =>
    w.sql('INSERT INTO sessions (id, organization_id, user_id, expires_at) VALUES ($1, $2, $3, now() - make_interval(days => $4))', [
      id,
      w.acme.id,
      w.acme.agent.user.id,
      days,
    ]);
  const token = (id: string, days: number) =>
    w.sql(
      `INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at) VALUES ($1, $2, repeat('0', 64), now() - make_interval(days => $3))`,
      [id, newId(), days],
    );

  expect(await left(key, 'SELECT key FROM idempotency_keys WHERE key = ANY($1)', [0, 2])).toEqual([0]);
  expect(await left(session, 'SELECT id AS key FROM sessions WHERE id = ANY($1::uuid[])', [1, 29, 31])).toEqual([1, 29]);
  expect(await left(token, 'SELECT id AS key FROM refresh_tokens WHERE id = ANY($1::uuid[])', [1, 8])).toEqual([1]);
});

it('forgets wrong passwords when no lock can stand any more', async () => {
  const failure = (key: string, days: number) =>
    w.sql(`INSERT INTO login_failures (email_hash, failures, last_at) VALUES (rpad($1, 64, '0'), 1, now() - make_interval(days => $2))`, [
      key,
      days,
    ]);

  expect(
    await left(failure, 'SELECT left(email_hash, 36) AS key FROM login_failures WHERE left(email_hash, 36) = ANY($1)', [0, 1, 3]),
  ).toEqual([0, 1]);
});
