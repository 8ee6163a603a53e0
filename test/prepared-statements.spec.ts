import { Client } from 'pg';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { type Prepared, prepared, rowsOf } from '#database/sql';
import { world } from './support/world';

/** A connection of its own, as those of the pools. */
async function connect(): Promise<Client> {
  const w = await world();
  const client = new Client({ connectionString: w.app.get(Config).database_url ?? undefined, pipeline: true });
  await client.connect();
  return client;
}

/** Asked for in what the driver writes: so often PostgreSQL was to describe an answer. */
function descriptions(client: Client): () => number {
  const { connection } = client as unknown as { connection: { describe: (what: object) => void } };
  const describe = jest.spyOn(connection, 'describe');
  return () => describe.mock.calls.length;
}

const MANY: Prepared = prepared(
  `SELECT n, n::text AS text, n * 1.5 AS numeric, now() AS at, NULL::uuid AS nothing, ARRAY[n, n + 1] AS list, jsonb_build_object('n', n) AS json
     FROM generate_series(1, $1::int) AS n`,
);

describe('a prepared statement', () => {
  let client: Client;
  beforeAll(async () => void (client = await connect()));
  afterAll(() => client.end());

  it('answers what the driver does, and is described once', async () => {
    const described = descriptions(client);

    for (const count of [3, 0, 2]) {
      const { rows } = await client.query<Record<string, unknown>>(MANY.text, [count]);
      const known = described();
      const ours = await rowsOf<Record<string, unknown>>(client, MANY, [count]);
      expect(ours.map(({ at: _at, ...row }) => row)).toEqual(rows.map(({ at: _at, ...row }) => row));
      expect(ours.every(({ at }) => at instanceof Date)).toBe(true);
      expect(described() - known).toBe(count === 3 ? 1 : 0);
    }
  });

  it('answers each of many that are asked for in the same breath', async () => {
    const one = prepared('SELECT $1::int AS n, $2::text AS text');

    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => rowsOf(client, one, [n, `text ${n}`])));

    expect(answers).toEqual(Array.from({ length: 20 }, (_, n) => [{ n, text: `text ${n}` }]));
  });

  it('fails with the reason of PostgreSQL and who asked, and the next one goes on', async () => {
    const divided = prepared('SELECT 10 / $1::int AS tenth');
    expect(await rowsOf(client, divided, [5])).toEqual([{ tenth: 2 }]);

    const failed = rowsOf(client, divided, [0]);

    await expect(failed).rejects.toMatchObject({ code: '22012', stack: expect.stringContaining('prepared-statements.spec') as string });
    expect(await rowsOf(client, divided, [2])).toEqual([{ tenth: 5 }]);
  });

  it('is refused when its columns are others by now, instead of being read as they were', async () => {
    await client.query('CREATE TEMP TABLE another (value int); INSERT INTO another VALUES (1)');
    const read = prepared('SELECT * FROM another');
    expect(await rowsOf(client, read)).toEqual([{ value: 1 }]);

    await client.query(`ALTER TABLE another ALTER value TYPE text USING 'now a text'`);

    await expect(rowsOf(client, read)).rejects.toThrow('cached plan must not change result type');
  });

  it('of before a change of its table is prepared anew on another connection: a transaction runs once more, and nobody notices', async () => {
    const { app, sql } = await world();
    const database = app.get(Database);
    await sql('CREATE TABLE changing (value int); INSERT INTO changing VALUES (1)');
    const read = prepared('SELECT * FROM changing');
    expect(await database.tx((tx) => tx.rows(read))).toEqual([{ value: 1 }]);

    await sql('ALTER TABLE changing ADD COLUMN more int');

    try {
      expect(await database.tx((tx) => tx.rows(read))).toEqual([{ value: 1, more: null }]);
    } finally {
      await sql('DROP TABLE changing');
    }
  });
});
