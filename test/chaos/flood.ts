import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, percentile } from '../load/generator';
import { type Listener, type PyTake, WEBHOOK_PATH, figure, play, setting } from '../load/stage';
import { freePort } from '../support/ports';
import { bodyOf, floodOf, idOf, requestOf } from '../load/webhooks';

/**
 * One organization floods: FLOOD webhooks of TEXTS texts each, four at a time, again where it is told 503. PyTake is killed (-9) in the middle
 * and started again. A neighbour gets RATE messages a second all the while: each is on its agent's screen within two seconds.
 */
const FLOOD = setting('FLOOD', 60);
const TEXTS = setting('TEXTS', 17_000);
const RATE = setting('RATE', 5);
/** Filed before the kill, of all. */
const KILL_AFTER = 0.3;
const HEARD_MS = setting('HEARD_MS', 2000);
const RSS_MB = 600;

play(async (stage, check) => {
  const port = await freePort();
  const total = FLOOD * TEXTS;
  const flood = stage.webhooks('flood', 500);
  const neighbour = stage.webhooks('neighbour', 50, stage.neighbour);
  let pytake: PyTake = await stage.pytake({ port });
  let listener: Listener = await stage.listen(port, stage.neighbour);
  let rss_peak = 0;

  // --- the flood
  let next = 0;
  const statuses: Record<number, number> = {};
  const flooding = Promise.all(
    Array.from({ length: 4 }, async () => {
      const connection = new Connection(port);
      while (next < FLOOD) {
        const request = requestOf(floodOf(flood, next++, TEXTS), flood.secret, WEBHOOK_PATH);
        for (let status = 0; status !== 200; await sleep(status === 200 ? 0 : 250)) {
          status = await connection.send(request);
          statuses[status] = (statuses[status] ?? 0) + 1;
        }
      }
      connection.end();
    }),
  );

  // --- the neighbour
  let [sent, up, over] = [0, true, false];
  const sent_at = new Map<string, number>();
  const waits: { before: number[]; after: number[] } = { before: [], after: [] };
  let phase: keyof typeof waits = 'before';
  const collect = (): void => {
    for (const [id, at] of listener.heard) {
      const since = sent_at.get(id);
      if (since === undefined) continue;
      waits[phase].push(at - since);
      sent_at.delete(id);
    }
    listener.forget();
  };
  const neighbouring = (async () => {
    const connection = new Connection(port);
    while (!over) {
      if (up) {
        const n = sent++;
        const request = requestOf(bodyOf(neighbour, n), neighbour.secret, WEBHOOK_PATH);
        const since = performance.now();
        sent_at.set(idOf('neighbour', n), since);
        // Not waited for: a slow answer must not slow the next message.
        if ((await connection.send(request)) !== 200) sent_at.delete(idOf('neighbour', n));
        rss_peak = Math.max(rss_peak, pytake.rss());
      }
      await sleep(1000 / RATE);
    }
    connection.end();
  })();

  const filed = async (): Promise<number> => (await stage.stored('flood')).messages;
  const started = performance.now();
  while ((await filed()) < total * KILL_AFTER) await sleep(500);
  collect();
  up = false;
  const before_kill = await filed();
  await stage.kill(pytake.process, 'SIGKILL');
  listener.end();
  const heard_later = sent_at.size;
  sent_at.clear();
  pytake = await stage.pytake({ port });
  listener = await stage.listen(port, stage.neighbour);
  phase = 'after';
  up = true;

  await flooding;
  while (await stage.backlog()) await sleep(500);
  const seconds = (performance.now() - started) / 1000;
  over = true;
  await neighbouring;
  await sleep(HEARD_MS);
  collect();
  await stage.drained(30);

  const { messages, doubled } = await stage.stored('flood');
  const theirs = await stage.stored('neighbour');
  const told = (name: string, all: number[]): string => {
    all.sort((a, b) => a - b);
    return `${name} p50 ${figure(percentile(all, 0.5))} ms, p95 ${figure(percentile(all, 0.95))} ms, worst ${figure(all.at(-1) ?? 0)} ms (${all.length})`;
  };
  console.log(
    `${FLOOD} webhooks of ${TEXTS} texts: answers ${JSON.stringify(statuses)}, ${figure(messages / seconds)} messages/s filed over ${figure(seconds)} s, killed after ${before_kill}\n` +
      `neighbour at ${RATE}/s: ${told('before the kill', waits.before)}; ${told('after it', waits.after)}; ${heard_later} on their way when it was killed\n` +
      `RSS peak ${figure(rss_peak)} MB`,
  );
  const all = [...waits.before, ...waits.after].sort((a, b) => a - b);
  check(
    messages - doubled === total && doubled === 0,
    `each message of the flood is stored once (${messages} of ${total}, ${doubled} twice)`,
  );
  check(theirs.messages === sent && theirs.doubled === 0, `each message of the neighbour is stored once (${theirs.messages} of ${sent})`);
  check(sent_at.size === 0, `and each was heard (${sent_at.size} were not)`);
  check(
    percentile(all, 0.95) <= HEARD_MS,
    `the neighbour's messages are on the screen within ${HEARD_MS} ms (p95 ${figure(percentile(all, 0.95))} ms)`,
  );
  check(rss_peak <= RSS_MB, `memory stays bounded (${figure(rss_peak)} MB)`);
  check((await stage.wrongCounters()) === 0, 'counters of contacts and conversations equal their messages');
});
