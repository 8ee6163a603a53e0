import { fire, percentile } from './generator';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Listener, type PyTake, type Stage, type Tenant, WEBHOOK_PATH, figure, play, setting } from './stage';
import { idOf } from './webhooks';

/**
 * P3: from a webhook's departure to the agent's socket, at 100 a second. RATE, DURATION (seconds), CONTACTS.
 * Then many sockets on one node, and from a broadcast's departure to those of one organization. SOCKETS, HEARERS, BROADCASTS.
 */
const RATE = setting('RATE', 100);
const DURATION = setting('DURATION', 30);
const SOCKETS = setting('SOCKETS', 2000);
const HEARERS = setting('HEARERS', 500);
const BROADCASTS = setting('BROADCASTS', 20);
/** One of the team has so many sockets. */
const EACH = 10;

async function crowd(stage: Stage, { port }: PyTake, tenant: Tenant, sockets: number): Promise<Listener[]> {
  const people = await stage.recruit(Math.ceil(sockets / EACH), tenant);
  const listeners: Listener[] = [];
  for (let i = 0; i < sockets; i += 50)
    listeners.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(50, sockets - i) }, (_, n) => stage.listen(port, people[(i + n) % people.length])),
      )),
    );
  return listeners;
}

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

  const hall = await stage.found('Salão');
  await stage.sql.query(`UPDATE users SET role = 'org_admin' WHERE organization_id = $1`, [hall.organization_id]);
  const call = async (method: string, path: string, body?: object): Promise<Record<string, number>> => {
    const headers = { authorization: `Bearer ${stage.token(hall)}`, 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${pytake.port}/api/v1/websocket${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    return (await answer.json()) as Record<string, number>;
  };
  const hearers = await crowd(stage, pytake, hall, HEARERS);
  const others = await crowd(stage, pytake, stage.neighbour, SOCKETS - HEARERS);
  const delays: number[] = [];
  const missed: number[] = [];
  for (let n = 0; n < BROADCASTS; n++) {
    const since = performance.now();
    const { delivered } = await call('POST', '/broadcast', { message: `${n}` });
    for (let tries = 0; tries < 500 && hearers.some(({ announced }) => announced.length <= n); tries++) await sleep(10);
    for (const { announced } of hearers) if (announced[n] !== undefined) delays.push(announced[n] - since);
    if (delivered !== HEARERS) missed.push(delivered);
  }
  delays.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(delays, part));
  const { total_connections } = await call('GET', '/stats');
  const open = [...hearers, ...others].filter(({ closed }) => !closed).length;
  console.log(
    `${open} sockets on one node (${figure(pytake.rss())} MB): ${BROADCASTS} broadcasts to ${HEARERS} of them p50 ${figure(p50)} ms, p99 ${figure(p99)} ms, ` +
      `worst ${figure(delays.at(-1) ?? 0)} ms`,
  );
  check(
    open === SOCKETS && total_connections === HEARERS,
    `${SOCKETS} sockets stay open (${open}), ${HEARERS} of one organization (${total_connections})`,
  );
  check(
    delays.length === BROADCASTS * HEARERS && !missed.length && others.every(({ announced }) => !announced.length),
    'each of the organization hears each broadcast, as counted, and nobody else',
  );
  check(p99 <= 300, `a broadcast to ${HEARERS} sockets: p99 at most 300 ms`);
});
