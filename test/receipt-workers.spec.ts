import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Inbox, inbox } from './support/inbox';
import { INHERITED } from './support/inherited';
import { metaPayload } from './support/meta-payloads';
import { type TestRedis, startRedis } from './support/redis';
import { socketOf } from './support/sockets';

jest.setTimeout(240_000);

let redis: TestRedis | null;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  for (const worker of workers) {
    worker.kill('SIGKILL');
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
  }
  await redis?.destroy();
});

/** One API, and as many processes that work through what it keeps. */
async function cluster(size: number): Promise<Inbox | null> {
  if (!redis) return null;
  const box = await inbox({}, { REDIS_URL: `${redis.url}/0`, PROCESS_ROLE: 'api' });
  // Of the API's own too.
  const listening = async (): Promise<number> => {
    const [row] = await box.w.sql<{ up: number }>(
      `SELECT count(*)::int AS up FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'pytake-signals' AND query LIKE 'LISTEN%' AND state = 'idle'`,
    );
    return row.up;
  };
  await patiently(async () => (await listening()) === 1);
  while (workers.length < size)
    workers.push(
      spawn(process.execPath, [join(__dirname, '..', 'src', 'main.js')], {
        env: { ...process.env, ...INHERITED, ...box.w.env, PROCESS_ROLE: 'worker' },
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
  await patiently(async () => (await listening()) > size);
  return box;
}

/** Processes take their time to start on a busy machine. */
async function patiently(truth: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 100_000; Date.now() < end; await sleep(50)) if (await truth()) return;
  throw new Error('It did not happen');
}

const allProcessed = async ({ w, number }: Inbox, count: number): Promise<boolean> => {
  const [row] = await w.sql<{ done: number }>(
    `SELECT count(*)::int AS done FROM inbound_events WHERE whatsapp_number_id = $1 AND state = 'processed'`,
    [number.id],
  );
  return row.done === count;
};

it('keeps the order of each person over four worker processes, and loses nothing when one is killed (R9)', async () => {
  const box = await cluster(4);
  if (!box) return;
  const socket = await socketOf(box.company.agent);
  const people = Array.from({ length: 3 }, () => box.person());
  const bodies = Array.from({ length: 20 }, (_, i) => String(i));

  await Promise.all(
    people.map(async (person) => {
      for (const body of bodies) await box.post(metaPayload.text({ ...person, body })).expect(200);
    }),
  );
  await patiently(async () => (await allProcessed(box, 60)) && socket.all('message:new').length >= 60);
  workers[0].kill('SIGKILL');
  const late = box.person();
  for (const body of bodies) await box.post(metaPayload.text({ ...late, body })).expect(200);
  await patiently(async () => (await allProcessed(box, 80)) && socket.all('message:new').length >= 80);

  const conversations = await box.conversations();
  expect(conversations).toHaveLength(4);
  for (const { id, unread_count } of conversations) {
    expect(unread_count).toBe(20);
    expect((await box.messages(id)).map((message) => message.content)).toEqual(bodies);
  }
  expect(await box.contacts()).toHaveLength(4);
  // Told over Redis to the doors, each message once.
  expect(new Set(socket.all('message:new').map((message) => message.id)).size).toBe(80);
  expect(socket.all('message:new')).toHaveLength(80);
});
