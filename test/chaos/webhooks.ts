import { setTimeout as sleep } from 'node:timers/promises';
import { fire } from '../load/generator';
import { type PyTake, WEBHOOK_PATH, play, setting } from '../load/stage';
import { freePort } from '../support/ports';
import { Receiver } from '../support/receiver';

/** R26, R27: PyTake is killed (-9) while it tells an endpoint what happened, and started again. EVENTS, CRASHES. */
const EVENTS = setting('EVENTS', 2000);
const KILLS = setting('CRASHES', 6);
/** So that a kill meets deliveries under way. */
const ANSWER_MS = 20;
/** Deliveries of one webhook at once (contract 20, 9). */
const SLOTS = 5;

play(async (stage, check) => {
  const receiver = await Receiver.open();
  const port = await freePort();
  const start = (): Promise<PyTake> =>
    // In production an endpoint has TLS.
    stage.pytake({ port, env: { NODE_ENV: 'development', EGRESS_ALLOWED_HOSTS: receiver.host, WEBHOOK_RETRY_DELAYS: '1,1,1,1,1' } });
  const count = async (waiting: string): Promise<number> =>
    (await stage.sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${waiting}`)).rows[0].count;

  let pytake = await start();
  await stage.sql.query(`UPDATE users SET role = 'org_admin' WHERE id = $1`, [stage.bakery.user_id]);
  const made = await fetch(`http://127.0.0.1:${port}/api/v1/webhooks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.token()}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      url: receiver.endpoint('erp', (response) => void setTimeout(() => response.writeHead(204).end(), ANSWER_MS)),
      events: ['message.received'],
    }),
  });
  if (made.status !== 201) throw new Error(`no webhook: ${made.status} ${await made.text()}`);

  let under_way = 0;
  for (let round = 0, sent = 0; round <= KILLS; round++) {
    const until = Math.round((EVENTS * (round + 1)) / (KILLS + 1));
    const first = sent;
    await fire({ ...stage.webhooks('told', 200), port, path: WEBHOOK_PATH, connections: 8, count: until - first, first });
    sent = until;
    if (round === KILLS) break;
    const wanted = receiver.arrived.length + Math.round((Math.random() * (until - first)) / 4);
    for (let tries = 0; tries < 500 && receiver.arrived.length < wanted; tries++) await sleep(10);
    await stage.kill(pytake.process, 'SIGKILL');
    under_way += await count('webhook_deliveries WHERE is_sending');
    // The minute after which nobody is taken to be at it is over.
    await stage.sql.query('UPDATE webhook_deliveries SET next_retry_at = now() WHERE is_sending');
    pytake = await start();
  }
  await stage.drained(60);
  const left = (): Promise<number> =>
    count(`(SELECT FROM facts UNION ALL SELECT FROM webhook_deliveries WHERE next_retry_at IS NOT NULL) w`);
  for (let tries = 0; tries < 600 && (await left()); tries++) await sleep(100);

  const arrived = receiver.at('erp');
  const events = Map.groupBy(arrived, ({ headers }) => headers['webhook-id']);
  const told = new Set(
    [...events.values()].map(([{ body }]) => (body.data.message as { whatsapp_message_id: string }).whatsapp_message_id),
  );
  const repeats = arrived.length - events.size;
  const others = [...events.values()].filter(([first, ...again]) => again.some(({ text }) => text !== first.text));
  console.log(`${EVENTS} events, ${KILLS} kills, ${under_way} deliveries under way at them, ${repeats} repeats`);
  check(under_way > 0, `killed while deliveries were under way (${under_way})`);
  check(told.size === EVENTS, `every event arrived (${EVENTS - told.size} did not)`);
  check(events.size === told.size, `each under one id (${events.size - told.size} under more)`);
  check(!others.length, `a repeat has the bytes of the first (${others.length} had not)`);
  check(repeats <= KILLS * SLOTS, `only what was under way is repeated (${repeats} of at most ${KILLS * SLOTS})`);
  await receiver.close();
});
