import { setTimeout as sleep } from 'node:timers/promises';
import { fire } from '../load/generator';
import { WEBHOOK_PATH, figure, play, setting } from '../load/stage';
import { freePort } from '../support/ports';

/** R61: SIGTERM under load. What was let in is answered, the process ends by itself in time, and the next one goes on. ROUNDS. */
const ROUNDS = setting('ROUNDS', 3);
const EXIT_MS = 30_000;

play(async (stage, check) => {
  const port = await freePort();
  let [failed, slowest, unstored] = [0, 0, 0];
  const statuses: Record<number, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const prefix = `term${round}`;
    const pytake = await stage.pytake({ port });
    let stopping = false;
    let acked = 0;
    const traffic = fire(
      // A client that is told to close, or refused, goes elsewhere: to the next process.
      {
        ...stage.webhooks(prefix, 500),
        port,
        path: WEBHOOK_PATH,
        connections: 32,
        count: 100_000,
        seconds: 20,
        rate: 1500,
        until: () => stopping && pytake.process.exitCode !== null,
      },
      (_n, status, _since, refused) => {
        if (status === 200) acked++;
        // A refused connection was never accepted; one that broke in the middle of a request was.
        else if (!refused) {
          failed++;
          statuses[status] = (statuses[status] ?? 0) + 1;
        }
      },
    );
    await sleep(1500);
    const asked = performance.now();
    stopping = true;
    const code = await stage.kill(pytake.process, 'SIGTERM');
    slowest = Math.max(slowest, performance.now() - asked);
    if (code !== 0) check(false, `exit code 0 (${code})`);
    await traffic;
    const next = await stage.pytake({ port });
    await stage.drained(30);
    unstored += acked - (await stage.stored(prefix)).messages;
    await stage.kill(next.process, 'SIGTERM');
  }
  console.log(`${ROUNDS} stops under load, slowest ${figure(slowest)} ms, failed requests ${failed} ${JSON.stringify(statuses)}`);
  check(failed === 0, `R61: 0 failed requests (${failed})`);
  check(slowest <= EXIT_MS, `R61: exit within 30 s (${figure(slowest)} ms)`);
  check(unstored <= 0, `nothing acknowledged is lost (${Math.max(0, unstored)})`);
  check((await stage.wrongCounters()) === 0, 'counters of contacts and conversations equal their messages');
});
