import { fire, percentile } from './generator';
import { WEBHOOK_PATH, figure, play, setting } from './stage';
import { idOf } from './webhooks';

/** P3: from a webhook's departure to the agent's socket, at 100 a second. RATE, DURATION (seconds), CONTACTS. */
const RATE = setting('RATE', 100);
const DURATION = setting('DURATION', 30);

play(async (stage, check) => {
  const pytake = await stage.pytake();
  const listener = await stage.listen(pytake.port);
  const volley = { ...stage.webhooks('warm', setting('CONTACTS', 2000)), connections: 32, port: pytake.port, path: WEBHOOK_PATH };
  try {
    await fire({ ...volley, count: 1000 });
    await listener.hears(1000, 30);
    listener.forget();
    const left = new Map<string, number>();
    const acks = await fire({ ...volley, prefix: 'live', rate: RATE, count: RATE * DURATION }, (n, _status, since) =>
      left.set(idOf('live', n), since),
    );
    await listener.hears(acks.sent, 10);
    const delays = [...left].map(([id, since]) => (listener.heard.get(id) ?? Infinity) - since).sort((a, b) => a - b);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => percentile(delays, part));
    console.log(
      `${acks.sent} messages at ${figure(acks.sent / acks.seconds)}/s: to the agent's socket p50 ${figure(p50)} ms, p95 ${figure(p95)} ms, p99 ${figure(p99)} ms, ` +
        `worst ${figure(delays.at(-1) ?? 0)} ms; acknowledged p50 ${figure(acks.p50)} ms, p99 ${figure(acks.p99)} ms`,
    );
    check(
      listener.heard.size === acks.sent && listener.doubled === 0,
      `each is heard once (${listener.heard.size} of ${acks.sent}, ${listener.doubled} twice)`,
    );
    check(p95 <= 300, 'P3: p95 at most 300 ms');
    check(p99 <= 1000, 'P3: p99 at most 1 s');
  } finally {
    listener.end();
  }
});
