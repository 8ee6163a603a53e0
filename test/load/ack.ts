import { setTimeout as sleep } from 'node:timers/promises';
import { Generator } from './generator';
import { WEBHOOK_PATH, figure, play, setting } from './stage';

/** P1 and P14: 320 webhooks a second whether PyTake keeps up or not, everything processed as it comes. RATE, DURATION (seconds; 600 for the promise's ten minutes), CONTACTS. */
const RATE = setting('RATE', 320);
const DURATION = setting('DURATION', 60);

play(async (stage, check) => {
  const generator = new Generator();
  const pytake = await stage.pytake();
  const listener = await stage.listen(pytake.port);
  const volley = { ...stage.webhooks('warm', setting('CONTACTS', 2000)), connections: 64, port: pytake.port, path: WEBHOOK_PATH };
  try {
    await generator.fire({ ...volley, count: 2000 });
    await listener.hears(2000, 30);
    listener.forget();
    let backlog = 0;
    let looking = true;
    const look = (async () => {
      for (; looking; await sleep(1000)) backlog = Math.max(backlog, await stage.backlog());
    })();
    const acks = await generator.fire({ ...volley, prefix: 'ack', rate: RATE, count: RATE * DURATION });
    looking = false;
    await look;
    const behind = acks.sent - listener.heard.size;
    await listener.hears(acks.sent, 30);
    const { messages, doubled } = await stage.stored('ack');
    console.log(
      `${acks.sent} webhooks in ${figure(acks.seconds)} s: ${figure(acks.sent / acks.seconds)}/s; acknowledged p50 ${figure(acks.p50)} ms, p95 ${figure(acks.p95)} ms, ` +
        `p99 ${figure(acks.p99)} ms, worst ${figure(acks.max)} ms; slowest second ${acks.slowest_second}; backlog at most ${backlog}, unheard at the end ${behind}; ` +
        `RSS ${figure(pytake.rss())} MB, peak ${figure(pytake.peak())} MB`,
    );
    check(acks.statuses[200] === acks.sent, `every webhook is acknowledged (${JSON.stringify(acks.statuses)})`);
    check(acks.p50 <= 20, 'P1: p50 of acknowledgements at most 20 ms');
    check(acks.p99 <= 150, 'P1: p99 of acknowledgements at most 150 ms');
    check(messages === acks.sent && doubled === 0, `each is stored once (${messages}, ${doubled} twice)`);
    check(
      listener.heard.size === acks.sent && listener.doubled === 0,
      `each is heard once (${listener.heard.size}, ${listener.doubled} twice)`,
    );
    check(backlog <= RATE && behind <= RATE, 'P1: everything is processed as it comes (at most a second behind)');
    check(pytake.peak() <= 600, 'P14: at most 600 MB');
  } finally {
    generator.stop();
    listener.end();
  }
});
