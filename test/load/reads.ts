import { Connection, Generator, percentile } from './generator';
import { seed } from './seed';
import { type Stage, type Tenant, figure, play, setting, table } from './stage';

/**
 * What reading costs beside the floor's inserts, in organizations of several SIZES: so many contacts and conversations, and ten times as many
 * messages, but at most a million more. Each read for SECONDS alone, then the floor and the read at CONNECTIONS, SECONDS each. What is held to an aim is
 * asked again, in turns of ROUNDS.
 */
const SIZES = (process.env.SIZES ?? '1000,10000,100000').split(',').map(Number);
const SECONDS = setting('SECONDS', 1);
const CONNECTIONS = setting('CONNECTIONS', 32);
/** Turns of two that are compared. */
const ROUNDS = setting('ROUNDS', 5);
/** What is slower than this alone is not asked by all at once: the last answers would come minutes later. */
const SLOW_MS = 250;
/** Where "flat" begins. */
const SMALLEST = 10_000;
const LIST = 'list of 50 conversations';
/** No two ask for the same at once: what is shared between those who do, is not. */
const OWN = '50 conversations, each another page';
const ROW = 'one contact';
const TEXTS = 'texts of messages, searched';
const FLAT = [LIST, 'list of 50 contacts', ROW, 'thread of 50'];

interface Speed {
  rate: number;
  p50: number;
  p95: number;
}

interface Together extends Speed {
  of_floor: number;
}

/** What is slow alone has no more. */
interface Figures {
  size: number;
  read: string;
  alone: Speed;
  statements: number | null;
  together: Together | null;
}

/** The reads by name, each as paths that take turns. */
async function readsOf(stage: Stage, { organization_id }: Tenant, size: number): Promise<Record<string, string[]>> {
  const { rows: people } = await stage.sql.query<{ id: string; name: string; phone: string; email: string }>(
    `SELECT id, name, right(match_key, 8) AS phone, email FROM contacts
      WHERE organization_id = $1 AND name IS NOT NULL AND email IS NOT NULL ORDER BY md5(id::text) LIMIT 200`,
    [organization_id],
  );
  const { rows: threads } = await stage.sql.query<{ id: string }>(
    'SELECT id FROM conversations WHERE organization_id = $1 ORDER BY total_messages DESC LIMIT 20',
    [organization_id],
  );
  const searches = (noun: string, words: Record<string, string[]>): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(words).map(([by, all]) => [`${noun} by ${by}`, all.map((word) => `${noun}?search=${encodeURIComponent(word)}`)]),
    );
  const [name, phone, email] = [people.map((one) => one.name), people.map((one) => one.phone), people.map((one) => one.email)];
  const letters = ['an', 'jo', 'ma', 'lu', 're', 'sa', 'co'];
  return {
    [LIST]: ['conversations?limit=50'],
    ...(size >= 10_000 && { [OWN]: Array.from({ length: 64 }, (_, n) => `conversations?limit=50&page=${n + 1}`) }),
    ...(size >= 50_000 && { 'conversations, page 1,000': ['conversations?limit=50&page=1000'] }),
    'list of 50 contacts': ['contacts?limit=50'],
    [ROW]: people.map(({ id }) => `contacts/${id}`),
    'thread of 50': threads.map(({ id }) => `conversations/${id}/messages?limit=50`),
    ...searches('conversations', { name, phone, '2 letters': letters }),
    ...searches('contacts', { name, phone, 'e-mail': email, '2 letters': letters }),
    [TEXTS]: ['pedido', 'nota fiscal', 'entrega', 'item faltando', 'xyzzy', 'bairro pedido', '40 minutos'].map(
      (words) => `whatsapp/messages/search?limit=50&q=${encodeURIComponent(words)}`,
    ),
  };
}

/** Closed loop: each connection asks again when it is answered. */
async function ask(port: number, token: string, paths: readonly string[], connections: number, seconds: number): Promise<Speed> {
  const requests = paths.map((path) =>
    Buffer.from(`GET /api/v1/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`),
  );
  const times: number[] = [];
  const started = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    const connection = new Connection(port);
    do {
      const since = performance.now();
      const n = next++ % paths.length;
      const status = await connection.send(requests[n]);
      if (status !== 200) throw new Error(`${paths[n]}: ${status}`);
      times.push(performance.now() - since);
    } while (performance.now() - started < seconds * 1000);
    connection.end();
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const rate = (times.length * 1000) / (performance.now() - started);
  times.sort((a, b) => a - b);
  return { rate, p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}

play(async (stage, check) => {
  const generator = new Generator();
  const pytake = await stage.pytake();
  const floor_port = await stage.floor();
  const floors: number[] = [];
  const measureFloor = async (): Promise<number> => {
    const volley = { ...stage.webhooks(`floor${floors.length}`), connections: CONNECTIONS, count: SECONDS * 10_000, seconds: SECONDS };
    const { sent, seconds } = await generator.fire({ ...volley, port: floor_port, path: '/' });
    return sent / seconds;
  };
  /** Floor and PyTake take turns, so that a busy machine is busy for both. */
  const together = async (token: string, paths: readonly string[]): Promise<Together> => {
    const floor = await measureFloor();
    floors.push(floor);
    const speed = await ask(pytake.port, token, paths, CONNECTIONS, SECONDS);
    return { ...speed, of_floor: speed.rate / floor };
  };
  const statements = async (token: string, paths: readonly string[]): Promise<number> => {
    const counts: number[] = [];
    // PyTake's clocks speak in between: the least is the read's own.
    while (counts.length < 2) counts.push(await stage.statements(() => ask(pytake.port, token, paths, 1, 0)));
    return Math.min(...counts);
  };
  try {
    await measureFloor();
    const figures: Figures[] = [];
    const reads = new Map<string, { token: string; paths: readonly string[] }>();
    for (const size of SIZES) {
      const shop = await stage.found(`Loja ${size}`);
      await stage.hire(9, shop);
      await seed(stage.sql, shop.organization_id, { contacts: size, conversations: size, messages: size + Math.min(9 * size, 1_000_000) });
      // What seeding left to write does not slow down what is measured.
      await stage.sql.query('CHECKPOINT');
      const token = stage.token(shop);
      for (const [read, paths] of Object.entries(await readsOf(stage, shop, size))) {
        reads.set(`${size} ${read}`, { token, paths });
        await ask(pytake.port, token, paths, 1, SECONDS / 4);
        const alone = await ask(pytake.port, token, paths, 1, SECONDS);
        const quick = alone.p50 <= SLOW_MS;
        figures.push({
          size,
          read,
          alone,
          statements: quick ? await statements(token, paths) : null,
          together: quick ? await together(token, paths) : null,
        });
      }
    }
    const floor = floors.sort((a, b) => a - b)[Math.floor(floors.length / 2)];
    const rate = async (size: number, read: string): Promise<number> => {
      const { token, paths } = reads.get(`${size} ${read}`) ?? { token: '', paths: [] };
      return (await ask(pytake.port, token, paths, CONNECTIONS, SECONDS)).rate;
    };
    /** What one does beside the other: the machine is another one from minute to minute, so they take turns. */
    const beside = async (one: () => Promise<number>, other: () => Promise<number>): Promise<number> => {
      const rounds: [number, number][] = [];
      while (rounds.length < ROUNDS) rounds.push([await one(), await other()]);
      const [ones, others] = [0, 1].map((which) =>
        percentile(
          rounds.map((round) => round[which]).sort((a, b) => a - b),
          0.5,
        ),
      );
      return ones / others;
    };

    console.log(
      `The floor: ${figure(floor)} inserts/s at ${CONNECTIONS} connections (${figure(floors[0])} to ${figure(floors.at(-1) ?? 0)}). RSS ${figure(pytake.rss())} MB`,
    );
    console.log(
      table(
        ['read', 'rows', 'SQL', 'alone p50 ms', 'p95 ms', `requests/s at ${CONNECTIONS}`, 'p50 ms', 'p95 ms', 'of the floor'],
        figures.map(({ read, size, alone, statements, together: all }) => [
          read,
          size,
          statements ?? '-',
          alone.p50,
          alone.p95,
          ...(all ? [all.rate, all.p50, all.p95, all.of_floor.toFixed(3)] : ['-', '-', '-', '-']),
        ]),
      ),
    );

    const largest = Math.max(...SIZES);
    const smallest = Math.min(...SIZES.filter((size) => size >= SMALLEST));
    const list = await beside(() => rate(largest, LIST), measureFloor);
    const row = await beside(() => rate(largest, ROW), measureFloor);
    check(list >= 0.1, `a list of 50 conversations at 0.10 of the floor or more (${list.toFixed(3)})`);
    check(row >= 0.6, `a single row at 0.6 of the floor or more (${row.toFixed(2)})`);
    if (smallest < largest)
      for (const read of FLAT) {
        const flat = await beside(
          () => rate(largest, read),
          () => rate(smallest, read),
        );
        check(flat >= 0.8, `${read}: flat within 20 % from ${smallest} to ${largest} rows (${flat.toFixed(2)})`);
      }
    const searches = figures.filter(({ read }) => read.includes(' by '));
    const slowest = searches.reduce((a, b) => (b.alone.p95 > a.alone.p95 ? b : a));
    const texts = figures.filter(({ read }) => read === TEXTS).reduce((a, b) => (b.alone.p95 > a.alone.p95 ? b : a));
    check(texts.alone.p95 <= 300, `${TEXTS}: p95 at most 300 ms (of ${texts.size}: ${figure(texts.alone.p95)} ms)`);
    check(slowest.alone.p95 <= 50, `searches: p95 at most 50 ms (${slowest.read} of ${slowest.size}: ${figure(slowest.alone.p95)} ms)`);
  } finally {
    generator.stop();
  }
});
