import { setTimeout as sleep } from 'node:timers/promises';
import { fire } from '../load/generator';
import { WEBHOOK_PATH, figure, play, setting } from '../load/stage';

/**
 * R11: PostgreSQL is stopped and started again under traffic, then it hangs and goes on. 503 within 2 s while it is gone, nothing acknowledged
 * is lost. OUTAGES (the last one hangs), RATE.
 */
const OUTAGES = setting('OUTAGES', 2);
const RATE = setting('RATE', 200);
const OUTAGE_MS = 8000;
/** A breath of tolerance: two cores, and PostgreSQL starting beside it. */
const ANSWER_MS = setting('ANSWER_MS', 2500);

play(async (stage, check) => {
  const pytake = await stage.pytake();
  const seconds = OUTAGES * 14 + 4;
  const volley = { ...stage.webhooks('outage', 500), port: pytake.port, path: WEBHOOK_PATH, connections: RATE * 3 };
  await fire({ ...volley, prefix: 'warm', connections: 32, count: 2000 });
  await stage.drained(30);

  const acked = new Set<number>();
  const statuses: Record<number, number> = {};
  let [slowest, up] = [0, true];
  let whileDown = 0;
  const traffic = fire({ ...volley, rate: RATE, count: RATE * seconds }, (n, status, since) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 200) acked.add(n);
    else slowest = Math.max(slowest, performance.now() - since);
    if (!up && status === 503) whileDown++;
  });
  for (let outage = 0; outage < OUTAGES; outage++) {
    await sleep(4000);
    up = false;
    const hangs = outage === OUTAGES - 1;
    await (hangs ? stage.freezeDatabase('SIGSTOP') : stage.stopDatabase());
    await sleep(OUTAGE_MS);
    await (hangs ? stage.freezeDatabase('SIGCONT') : stage.startDatabase());
    up = true;
  }
  const { sent } = await traffic;
  const recovered = performance.now();
  await stage.drained(60);
  const drained = performance.now() - recovered;

  const { messages, doubled } = await stage.stored('outage');
  // Acknowledged is stored; what was refused may be stored too (the answer was lost), and Meta's repetition then changes nothing.
  const missing = Array.from({ length: sent }, (_, n) => n).filter((n) => !acked.has(n));
  await fire({ ...volley, connections: 32, count: missing.length, pick: (n) => missing[n] });
  await stage.drained(60);
  const after = await stage.stored('outage');
  console.log(
    `${sent} webhooks at ${RATE}/s over ${OUTAGES} outages of ${figure(OUTAGE_MS / 1000)} s: ${JSON.stringify(statuses)}; slowest refusal ${figure(slowest)} ms; ` +
      `drained ${figure(drained)} ms after the traffic; ${messages} stored before the repetition, ${after.messages} after`,
  );
  check(whileDown > 0, `503 while the database is gone (${whileDown})`);
  check(
    Object.keys(statuses).every((status) => status === '200' || status === '503'),
    'every answer is 200 or 503',
  );
  check(slowest <= ANSWER_MS, `R11: refused within ${ANSWER_MS} ms (slowest ${figure(slowest)} ms)`);
  check(messages >= acked.size, `R11: nothing acknowledged is lost (${acked.size} acknowledged, ${messages} stored)`);
  check(
    after.messages === sent && after.doubled === 0 && doubled === 0,
    `after Meta's repetition each is stored once (${after.messages} of ${sent}, ${after.doubled} twice)`,
  );
  check((await stage.wrongCounters()) === 0, 'counters of contacts and conversations equal their messages');
});
