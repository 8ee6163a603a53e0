import { setTimeout as sleep } from 'node:timers/promises';
import { Generator, type VolleyResult } from './generator';
import { WEBHOOK_PATH, figure, play, setting, table } from './stage';

/**
 * The ratios at the end of contract 40: the floor server and PyTake take turns in one run, on one PostgreSQL with fsync on.
 * PyTake's turn is counted twice: how fast it acknowledges, and how long until every message is stored, its conversation says so and an
 * agent's socket has heard it. ROUNDS, TURN_SECONDS, CONNECTIONS, CONTACTS.
 */
const ROUNDS = setting('ROUNDS', 3);
const SECONDS = setting('TURN_SECONDS', 8);
const CONNECTIONS = setting('CONNECTIONS', 64);
const CONTACTS = setting('CONTACTS', 2000);
/** More than either can take in one turn. */
const COUNT = SECONDS * 8000;

interface Turn {
  acks: VolleyResult;
  processed: number;
  backlog: number;
  rss_peak: number;
  rss_after: number;
}

play(async (stage, check) => {
  const generator = new Generator();
  const pytake = await stage.pytake();
  const floor = await stage.floor();
  const listener = await stage.listen(pytake.port);
  const idle = pytake.rss();
  const volley = (prefix: string): Parameters<Generator['ceiling']>[0] => ({
    ...stage.webhooks(prefix, CONTACTS),
    connections: CONNECTIONS,
    count: COUNT,
    seconds: SECONDS,
  });

  const takeTurn = async (prefix: string): Promise<Turn> => {
    listener.forget();
    let [backlog, rss_peak] = [0, 0];
    let looking = true;
    const look = (async () => {
      for (; looking; await sleep(500)) [backlog, rss_peak] = [Math.max(backlog, await stage.backlog()), Math.max(rss_peak, pytake.rss())];
    })();
    const started = performance.now();
    const acks = await generator.fire({ ...volley(prefix), port: pytake.port, path: WEBHOOK_PATH });
    const acked = acks.statuses[200] ?? 0;
    const heard = await listener.hears(acked, 120);
    const seconds = (listener.last - started) / 1000;
    looking = false;
    await look;
    const { messages, doubled } = await stage.stored(prefix);
    if (!heard || listener.doubled || messages !== acks.sent || doubled || acked !== acks.sent)
      check(
        false,
        `${prefix}: ${acks.sent} sent, ${acked} acknowledged, ${messages} stored, ${listener.heard.size} heard, ${listener.doubled + doubled} twice`,
      );
    return { acks, processed: acked / seconds, backlog, rss_peak, rss_after: pytake.rss() };
  };

  try {
    const ceiling = await generator.ceiling({ ...volley('ceiling'), seconds: 3 });
    await generator.fire({ ...volley('warm-floor'), port: floor, path: '/', seconds: 3 });
    await takeTurn('warm');
    await takeTurn('warm2');
    const floors: VolleyResult[] = [];
    const turns: Turn[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      floors.push(await generator.fire({ ...volley(`floor${round}`), port: floor, path: '/' }));
      turns.push(await takeTurn(`turn${round}`));
    }
    const rate = ({ sent, seconds }: VolleyResult): number => sent / seconds;
    console.log(
      table(
        [
          'round',
          'floor/s',
          'p50 ms',
          'p99 ms',
          'acks/s',
          'p50 ms',
          'p99 ms',
          'processed/s',
          'ack %',
          'processed %',
          'backlog',
          'RSS peak MB',
          'RSS after MB',
        ],
        turns.map((turn, round) => {
          const base = rate(floors[round]);
          return [
            String(round + 1),
            base,
            floors[round].p50,
            floors[round].p99,
            rate(turn.acks),
            turn.acks.p50,
            turn.acks.p99,
            turn.processed,
            (rate(turn.acks) / base) * 100,
            (turn.processed / base) * 100,
            turn.backlog,
            turn.rss_peak,
            turn.rss_after,
          ];
        }),
      ),
    );
    const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const base = middle(floors.map(rate));
    const ack = (middle(turns.map((turn) => rate(turn.acks))) / base) * 100;
    const processed = (middle(turns.map((turn) => turn.processed)) / base) * 100;
    console.log(`RSS at rest ${figure(idle)} MB. Medians: floor ${figure(base)}/s, generator's ceiling ${figure(ceiling)}/s`);
    check(ceiling >= 3 * base, `the generator can do at least 3 times what it measures (${figure(ceiling / base)})`);
    check(ack >= 50, `acknowledged at 50 % or more of the floor (${figure(ack)} %)`);
    check(processed >= 40, `processed at 40 % or more of the floor (${figure(processed)} %)`);
    check((await stage.wrongCounters()) === 0, 'counters of contacts and conversations equal their messages');
  } finally {
    generator.stop();
    listener.end();
  }
});
