import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, fire } from '../load/generator';
import { WEBHOOK_PATH, figure, play, setting } from '../load/stage';
import { requestOf } from '../load/webhooks';

/**
 * Who has no key costs no memory: PATHS requests to paths of their own making; BODIES bodies of 2.9 MB held open, without a signature and with
 * one that only looks like it; a body that names NAMED numbers. PyTake goes on taking webhooks meanwhile.
 */
const PATHS = setting('PATHS', 100_000);
const BODIES = setting('BODIES', 200);
const NAMED = setting('NAMED', 28_000);
const BODY_BYTES = 2_900_000;
const PIPELINED = 200;
/** Of one step over the one before it. All bodies together are several times that. */
const GROWTH_MB = 200;
const TOKEN = randomBytes(16).toString('hex');

/** `graphql` as somebody types it to be counted anew each time. */
const somePath = (): string => {
  const word = [...'graphql'].map((letter) => (randomInt(2) ? letter.toUpperCase() : letter)).join('');
  return `/${word}/${randomBytes(6).toString('hex')}`;
};

async function typePaths(port: number): Promise<void> {
  const client = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    let [answers, text] = [0, ''];
    socket.on('data', (data) => {
      text += String(data);
      const parts = text.split('\r\n\r\n');
      text = parts.pop() ?? '';
      answers += parts.length;
    });
    for (let sent = 0; sent < PATHS / 8;) {
      sent += PIPELINED;
      socket.write(Array.from({ length: PIPELINED }, () => `HEAD ${somePath()} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`).join(''));
      while (answers < sent && !socket.destroyed) await sleep(2);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: 8 }, client));
}

/** A webhook whose last byte never comes; answers its socket and the status it was told, `-` so far none. */
function hold(port: number, signature: string): { socket: Socket; told: () => string } {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (data) => (text += String(data))).on('error', () => undefined);
  socket.write(
    `POST ${WEBHOOK_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${BODY_BYTES}\r\n${signature}\r\n`,
  );
  socket.write(Buffer.alloc(BODY_BYTES - 1, 0x20));
  return { socket, told: () => text.slice(9, 12) || '-' };
}

play(async (stage, check) => {
  const { port, rss } = await stage.pytake({ env: { METRICS_TOKEN: TOKEN } });
  const volley = { ...stage.webhooks('warm', 200), port, path: WEBHOOK_PATH, connections: 16 };
  await fire({ ...volley, count: 3000 });
  await stage.drained(30);
  const settled = async (): Promise<number> => {
    await sleep(1500);
    return rss();
  };
  const before = await settled();

  await typePaths(port);
  const typed = await settled();
  const answer = await fetch(`http://127.0.0.1:${port}/observability/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const metrics = (await answer.text()).length;

  const held = async (prefix: string, signature: string): Promise<{ peak: number; good: number; told: string }> => {
    const clients = Array.from({ length: BODIES }, () => hold(port, signature));
    await Promise.all(clients.map(({ socket }) => once(socket, 'connect').catch(() => undefined)));
    await sleep(2500);
    const peak = rss();
    const { statuses } = await fire({ ...volley, prefix, count: 200 });
    const told = Map.groupBy(clients, (client) => client.told());
    for (const { socket } of clients) socket.destroy();
    return { peak, good: statuses[200] ?? 0, told: [...told].map(([status, of]) => `${of.length} x ${status}`).join(', ') };
  };
  const unsigned = await held('unsigned', '');
  const forged = await held('forged', `X-Hub-Signature-256: sha256=${randomBytes(32).toString('hex')}\r\n`);

  const changes = Array.from({ length: NAMED }, (_, n) => ({ value: { metadata: { phone_number_id: String(10 ** 14 + n) } } }));
  const naming = new Connection(port);
  const since = performance.now();
  const named = await naming.send(requestOf(Buffer.from(JSON.stringify({ entry: [{ id: '1', changes }] })), 'guess', WEBHOOK_PATH));
  const naming_ms = performance.now() - since;
  naming.end();
  const after = await settled();

  console.log(
    `RSS ${figure(before)} MB at rest; ${figure(typed)} MB after ${PATHS} paths in random case (metrics ${figure(metrics / 1024)} KB); ` +
      `${figure(unsigned.peak)} MB with ${BODIES} unsigned bodies of 2.9 MB held open (${unsigned.told}); ` +
      `${figure(forged.peak)} MB with as many forged ones (${forged.told}); ${figure(after)} MB at last. ` +
      `A forged body that names ${NAMED} numbers: ${named} in ${figure(naming_ms)} ms`,
  );
  check(typed - before <= GROWTH_MB, `paths as typed cost no memory (${figure(typed - before)} MB)`);
  check(metrics < 256 * 1024, `and no labels (${figure(metrics / 1024)} KB of metrics)`);
  check(unsigned.peak - typed <= GROWTH_MB, `unsigned bodies are not read (${figure(unsigned.peak - typed)} MB)`);
  check(forged.peak - unsigned.peak <= GROWTH_MB, `forged ones are read within a bound (${figure(forged.peak - unsigned.peak)} MB)`);
  check(
    unsigned.good === 200 && forged.good === 200,
    `signed webhooks are taken all the while (${unsigned.good} and ${forged.good} of 200)`,
  );
  check(named === 403, `a stranger names no numbers (${named})`);
});
