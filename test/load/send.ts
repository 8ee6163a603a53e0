import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { fire, percentile } from './generator';
import { WEBHOOK_PATH, figure, play, setting, table } from './stage';
import { freePort } from '../support/ports';

/**
 * Agents who answer at once: AT_ONCE sends in one moment, then AGENTS people at RATE sends a second each for DURATION seconds all over, then CROWD
 * people at CROWD_RATE in one conversation for CROWD_DURATION.
 */
const AT_ONCE = setting('AT_ONCE', 200);
const AGENTS = setting('AGENTS', 50);
const RATE = setting('RATE', 5);
const DURATION = setting('DURATION', 60);
const CROWD = setting('CROWD', 10);
const CROWD_RATE = setting('CROWD_RATE', 10);
const CROWD_DURATION = setting('CROWD_DURATION', 10);

play(async (stage, check) => {
  const meta_port = await freePort();
  const pytake = await stage.pytake({ env: { META_GRAPH_BASE_URL: `http://127.0.0.1:${meta_port}` } });
  const taken = await stage.meta(meta_port);
  const tokens = await stage.hire(AGENTS);
  const connections = new Agent({ connections: 256, pipelining: 1 });

  // Every customer wrote once: their windows are open.
  await fire({ ...stage.webhooks('hello', AT_ONCE), connections: 16, port: pytake.port, path: WEBHOOK_PATH, count: AT_ONCE });
  while ((await stage.backlog()) > 0) await sleep(50);
  const { rows: threads } = await stage.sql.query<{ id: string }>('SELECT id FROM conversations ORDER BY id');

  const statuses: Record<number, number> = {};
  const send = async (n: number, thread: number, due: number): Promise<number> => {
    const { statusCode, body } = await request(
      `http://127.0.0.1:${pytake.port}/api/v1/conversations/${threads[thread % threads.length].id}/messages`,
      {
        method: 'POST',
        dispatcher: connections,
        headers: { authorization: `Bearer ${tokens[n % tokens.length]}`, 'content-type': 'application/json' },
        body: JSON.stringify({ content: `Já saiu para entrega, pedido ${n}!` }),
      },
    );
    await body.dump();
    statuses[statusCode] = (statuses[statusCode] ?? 0) + 1;
    return performance.now() - due;
  };
  const together = (thread: (n: number) => number): Promise<number[]> =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, n) => send(n, thread(n), performance.now())));

  const left = async (): Promise<number> => {
    const { rows: found } = await stage.sql.query<{ count: number }>('SELECT count(*)::int AS count FROM outbound_sends');
    return found[0].count;
  };
  const allLeft = async (): Promise<void> => {
    for (let tries = 0; tries < 600 && (await left()) > 0; tries++) await sleep(100);
  };

  // Each round by itself: what the one before has left to deliver is done first.
  const rows: [string, number[]][] = [];
  await together((n) => n);
  await allLeft();
  rows.push([`${AT_ONCE} at once, ${threads.length} conversations`, await together((n) => n)]);
  await allLeft();
  rows.push([`${AT_ONCE} at once, one conversation`, await together(() => 0)]);
  await allLeft();
  const steadily = async (count: number, per_second: number, thread: (n: number) => number): Promise<number[]> => {
    const waits: Promise<number>[] = [];
    for (let n = 0, start = performance.now(); n < count; n++) {
      const due = start + (n * 1000) / per_second;
      if (due > performance.now()) await sleep(due - performance.now());
      waits.push(send(n, thread(n), due));
    }
    return Promise.all(waits);
  };
  const everywhere = AGENTS * RATE * DURATION;
  rows.push([`${AGENTS} agents, ${RATE}/s each, ${DURATION} s`, await steadily(everywhere, AGENTS * RATE, (n) => n)]);
  const at_the_end = await left();
  await allLeft();
  const crowd = CROWD * CROWD_RATE * CROWD_DURATION;
  const crowded = await steadily(crowd, CROWD * CROWD_RATE, () => 0);
  rows.push([`${CROWD} agents, ${CROWD_RATE}/s each, one conversation, ${CROWD_DURATION} s`, crowded]);
  await allLeft();

  const sent = 3 * AT_ONCE + everywhere + crowd;
  // Meta's place counts what it takes.
  const { rows: stored } = await stage.sql.query<{ messages: number; left: number; distinct: number; overtaken: number }>(
    `SELECT count(*)::int AS messages, count(whatsapp_message_id)::int AS left, count(DISTINCT whatsapp_message_id)::int AS distinct,
            count(*) FILTER (WHERE taken < before)::int AS overtaken
       FROM (SELECT whatsapp_message_id, taken, lag(taken) OVER (PARTITION BY conversation_id ORDER BY created_at, id) AS before
               FROM (SELECT *, split_part(whatsapp_message_id, '.', 3)::int AS taken FROM messages WHERE direction = 'outgoing') m) n`,
  );

  const sorted = rows.map(([name, times]) => [name, times.sort((a, b) => a - b)] as const);
  console.log(
    table(
      ['milliseconds to 201', 'sends', 'p50', 'p95', 'p99', 'worst'],
      sorted.map(([name, times]) => [name, times.length, ...[0.5, 0.95, 0.99, 1].map((part) => percentile(times, part))]),
    ),
  );
  console.log(`waiting for Meta at the end: ${at_the_end}; RSS ${figure(pytake.rss())} MB, peak ${figure(pytake.peak())} MB`);
  check(statuses[201] === sent, `every send is taken (${JSON.stringify(statuses)} of ${sent})`);
  for (const [name, times] of sorted) check(percentile(times, 0.95) <= 1000, `${name}: p95 at most 1 s`);
  const [{ messages, left: gone, distinct, overtaken }] = stored;
  check(
    messages === sent && gone === sent && distinct === sent && taken() === sent,
    `each left once (${messages} stored, ${taken()} taken by Meta, ${distinct} ids)`,
  );
  check(overtaken === 0, `each conversation's left in its order (${overtaken} overtaken)`);
  await connections.close();
});
