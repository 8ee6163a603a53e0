import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Generator } from './generator';
import { WEBHOOK_PATH, figure, play, setting, table } from './stage';

/** What one durable reader of every message costs the receipt: turns with and without it, one after the other. ROUNDS, COUNT, CONNECTIONS. */
const ROUNDS = setting('ROUNDS', 8);
const COUNT = setting('COUNT', 5000);
const CONNECTIONS = setting('CONNECTIONS', 32);

play(async (stage, check) => {
  const generator = new Generator();
  const pytake = await stage.pytake({ node: ['--require', join(__dirname, 'fact-reader.js')] });
  const listener = await stage.listen(pytake.port);
  const turn = async (prefix: string): Promise<number> => {
    listener.forget();
    const started = performance.now();
    const volley = { ...stage.webhooks(prefix), connections: CONNECTIONS, count: COUNT, seconds: 60 };
    const { sent } = await generator.fire({ ...volley, port: pytake.port, path: WEBHOOK_PATH });
    if (!(await listener.hears(sent, 60))) throw new Error(`${prefix}: ${listener.heard.size} of ${sent} heard`);
    return sent / ((listener.last - started) / 1000);
  };
  const waiting = async (): Promise<number> => {
    const { rows } = await stage.sql.query<{ count: number }>('SELECT count(*)::int AS count FROM facts');
    return rows[0].count;
  };
  const toggle = async (): Promise<void> => {
    pytake.process.kill('SIGUSR2');
    await sleep(50);
  };
  try {
    for (const prefix of ['warm', 'warm2']) await turn(prefix);
    const rows: [without: number, one: number][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const without = await turn(`without${round}`);
      await toggle();
      rows.push([without, await turn(`one${round}`)]);
      await toggle();
      for (const end = Date.now() + 60_000; Date.now() < end && (await waiting());) await sleep(100);
    }
    console.log(
      table(
        ['round', 'processed/s', 'with one reader', 'ratio'],
        rows.map(([a, b], n) => [String(n + 1), a, b, (b / a).toFixed(2)]),
      ),
    );
    const ratios = rows.map(([without, one]) => one / without).sort((a, b) => a - b);
    const cost = (1 - ratios[Math.floor(ratios.length / 2)]) * 100;
    check(cost < 20, `one durable reader costs less than 20 % of processed messages/s (${figure(cost)} %)`);
    check((await waiting()) === 0, 'everything told was read');
  } finally {
    generator.stop();
    listener.end();
  }
});
