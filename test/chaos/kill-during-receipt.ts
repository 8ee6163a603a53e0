import { setTimeout as sleep } from 'node:timers/promises';
import { fire } from '../load/generator';
import { type PyTake, WEBHOOK_PATH, figure, play, setting } from '../load/stage';
import { freePort } from '../support/ports';

/**
 * R4: PyTake is killed (-9) at random instants while webhooks come in, and started again. As Meta does, what was not acknowledged comes
 * again, and so does some of what was. COUNT, KILLS, CONTACTS.
 */
const COUNT = setting('COUNT', 10_000);
const KILLS = setting('KILLS', 6);
/** A part of the acknowledged that Meta sends again all the same. */
const REPEATED = 0.1;

play(async (stage, check) => {
  const port = await freePort();
  const webhooks = { ...stage.webhooks('kill', setting('CONTACTS', 500)), port, path: WEBHOOK_PATH, connections: 32 };
  let pytake: PyTake = await stage.pytake({ port });
  const acked = new Set<number>();
  let waiting: number[] = Array.from({ length: COUNT }, (_, n) => n);
  let [sent, repeats, kills, interrupted] = [0, 0, 0, 0];
  const started = Date.now();

  while (waiting.length) {
    if (Date.now() - started > 180_000) throw new Error(`${waiting.length} webhooks are not acknowledged after three minutes`);
    const repeated = [...acked].filter(() => Math.random() < REPEATED / KILLS);
    repeats += repeated.length;
    const round = [...waiting, ...repeated].sort(() => Math.random() - 0.5);
    // Killed while this round runs; the last round is left in peace.
    let over = false;
    const killer =
      kills < KILLS
        ? (async () => {
            await sleep(50 + Math.random() * 500);
            if (over) return;
            kills++;
            await stage.kill(pytake.process, 'SIGKILL');
          })()
        : Promise.resolve();
    // Nothing listens any more: Meta waits before it comes again, and so do we.
    let refused = 0;
    await fire({ ...webhooks, count: round.length, pick: (n) => (refused > 64 ? null : round[n]) }, (n, status) => {
      sent++;
      if (status === 200) acked.add(n);
      else refused++;
    });
    interrupted += refused;
    over = true;
    await killer;
    if (pytake.process.exitCode !== null || pytake.process.signalCode !== null) pytake = await stage.pytake({ port });
    waiting = waiting.filter((n) => !acked.has(n));
  }
  // And once more a tenth of all, in peace.
  const again = Array.from({ length: COUNT }, (_, n) => n).filter(() => Math.random() < REPEATED);
  await fire({ ...webhooks, count: again.length, pick: (n) => again[n] });
  repeats += again.length;
  sent += again.length;
  await stage.drained(60);

  const { messages, doubled } = await stage.stored('kill');
  console.log(
    `${COUNT} messages, ${sent} webhooks sent (${interrupted} broken off, ${repeats} repeated though acknowledged), ${kills} kills, ${figure((Date.now() - started) / 1000)} s`,
  );
  check(kills > 0, `killed while webhooks came in (${kills} times)`);
  check(messages - doubled === COUNT, `R4: 0 lost (${COUNT - (messages - doubled)})`);
  check(doubled === 0, `R4: 0 doubled (${doubled})`);
  check((await stage.wrongCounters()) === 0, 'counters of contacts and conversations equal their messages');
});
