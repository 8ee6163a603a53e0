import request from 'supertest';
import { Config } from '#config/config';
import { EventBus } from '#common/events';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { DueRows } from '#database/due-rows';
import { Signals } from '#database/signals';
import { type FactReader, Facts, type ReadFact } from '#events/facts';
import { type World, world } from './support/world';

/** A second process as the database sees it: the same database, readers and rows of its own. */
function house(w: World): { facts: Facts; rows: DueRows } {
  const database = w.app.get(Database);
  const rows = new DueRows(w.app.get(Config), w.app.get(Signals));
  return { facts: new Facts(database, rows), rows };
}

let readers = 0;

/** A reader that writes what it reads down, within the transaction it is given. */
async function notebook(w: World, read?: (facts: readonly ReadFact[]) => void, wants?: FactReader['wants']) {
  const name = `notebook-${++readers}`;
  await w.sql('CREATE TABLE IF NOT EXISTS notebook (place bigint GENERATED ALWAYS AS IDENTITY, reader text, fact bigint, data jsonb)');
  const reader: FactReader = {
    name,
    events: ['user.updated'],
    wants,
    read: async (tx, facts) => {
      for (const fact of facts) await tx.rows('INSERT INTO notebook (reader, fact, data) VALUES ($1, $2, $3)', [name, fact.id, fact.data]);
      read?.(facts);
    },
  };
  return {
    reader,
    notes: async () =>
      (await w.sql<{ data: { user_id: string } }>('SELECT data FROM notebook WHERE reader = $1 ORDER BY place', [name])).map(
        ({ data }) => data.user_id,
      ),
    waiting: () =>
      w.sql<{ reader: string; attempts: number; error: string | null }>(
        'SELECT reader, attempts, error FROM facts WHERE reader IN ($1, $2) ORDER BY id',
        [name, `dead:${name}`],
      ),
  };
}

const tell = (w: World, user_id: string): Promise<void> =>
  w.app.get(Database).tx(async (tx) => tx.tell('user.updated', { organization_id: w.acme.id, user_id }));

describe('a fact', () => {
  it('is read when its transaction commits, and never when it does not', async () => {
    const w = await world();
    const { facts, rows } = house(w);
    const { reader, notes, waiting } = await notebook(w);
    facts.reader(reader);
    const [kept, undone, lost] = [newId(), newId(), newId()];

    await w.app.get(Database).tx(async (tx) => {
      tx.tell('user.updated', { organization_id: w.acme.id, user_id: kept });
      await tx
        .attempt(async () => {
          tx.tell('user.updated', { organization_id: w.acme.id, user_id: undone });
          return Promise.reject(new Error('undone'));
        })
        .catch(() => undefined);
    });
    await expect(
      w.app.get(Database).tx(async (tx) => {
        tx.tell('user.updated', { organization_id: w.acme.id, user_id: lost });
        return Promise.reject(new Error('lost'));
      }),
    ).rejects.toThrow('lost');
    await rows.idle();

    expect(await notes()).toEqual([kept]);
    expect(await waiting()).toEqual([]);
  });

  it('waits for a reader that is not there at the moment', async () => {
    const w = await world();
    const { reader, notes } = await notebook(w);
    const before = house(w);
    before.facts.reader({ ...reader, read: () => Promise.reject(new Error('this process is dying')) });
    await before.rows.onModuleDestroy();
    const user_id = newId();
    await tell(w, user_id);

    const { facts, rows } = house(w);
    facts.reader(reader);
    await rows.sweep();
    await rows.idle();

    expect(await notes()).toEqual([user_id]);
  });

  it('costs no row where nobody wants it', async () => {
    const w = await world();
    const { facts, rows } = house(w);
    const { reader, waiting } = await notebook(w, undefined, (organization_id) => organization_id !== w.acme.id);
    facts.reader(reader);
    await rows.onModuleDestroy();

    await tell(w, newId());
    await w.app.get(Database).tx(async (tx) => tx.tell('user.updated', { organization_id: w.globex.id, user_id: newId() }));

    expect(await waiting()).toHaveLength(1);
  });

  it('carries ids and what changed, not rows', async () => {
    const w = await world();
    const seen: ReadFact[] = [];
    const { facts, rows } = house(w);
    facts.reader({ name: `seen-${++readers}`, events: ['contact.created'], read: async (_tx, read) => void seen.push(...read) });

    const { body } = await w.acme.agent.post('/contacts', { name: 'Ana', whatsapp_id: '+5511988887777' }).expect(201);
    await rows.idle();

    expect(seen).toEqual([expect.objectContaining({ name: 'contact.created', organization_id: w.acme.id, data: { contact_id: body.id } })]);
  });
});

describe('facts of one aggregate', () => {
  it('are read in the order in which they happened, each once, by two processes at once', async () => {
    const w = await world();
    const houses = [house(w), house(w)];
    const { reader, notes, waiting } = await notebook(w);
    for (const { facts } of houses) facts.reader(reader);
    const people = Array.from({ length: 5 }, newId);

    // Each transaction holds its user's lock while it tells, as a service does.
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        w.app.get(Database).tx(async (tx) => {
          await tx.rows('SELECT pg_advisory_xact_lock(hashtext($1))', [people[n % 5]]);
          tx.tell('user.updated', { organization_id: w.acme.id, user_id: people[n % 5] });
          for (const { rows } of houses) tx.afterCommit(() => rows.sweep());
        }),
      ),
    );
    await Promise.all(houses.map(({ rows }) => rows.sweep()));
    await Promise.all(houses.map(({ rows }) => rows.idle()));

    expect(await waiting()).toEqual([]);
    const read = await notes();
    expect(read).toHaveLength(50);
    for (const user_id of people) expect(read.filter((id) => id === user_id)).toHaveLength(10);
    const order = await w.sql<{ fact: string }>("SELECT fact FROM notebook WHERE reader = $1 AND data->>'user_id' = $2 ORDER BY place", [
      reader.name,
      people[0],
    ]);
    expect(order.map(({ fact }) => BigInt(fact))).toEqual(order.map(({ fact }) => BigInt(fact)).sort((a, b) => (a < b ? -1 : 1)));
  });

  it('wait behind one that cannot be read, while those of others go on', async () => {
    const w = await world();
    const [poison, other] = [newId(), newId()];
    const { facts, rows } = house(w);
    let broken = true;
    const { reader, notes, waiting } = await notebook(w, (read) => {
      if (broken && read.some(({ data }) => data['user_id'] === poison)) throw new Error('does not go down');
    });
    facts.reader(reader);

    for (const user_id of [poison, other, poison, other]) await tell(w, user_id);
    await rows.idle();

    expect(await notes()).toEqual([other, other]);
    expect(await waiting()).toEqual([
      { reader: reader.name, attempts: 1, error: 'does not go down' },
      { reader: reader.name, attempts: 0, error: null },
    ]);

    broken = false;
    await w.sql('UPDATE facts SET due_at = now() WHERE reader = $1', [reader.name]);
    await rows.sweep();
    await rows.idle();
    expect(await notes()).toEqual([other, other, poison, poison]);
  });

  it('go on without one that never can be: it is set aside with its reason', async () => {
    const w = await world();
    const [poison, later] = [newId(), newId()];
    const { facts, rows } = house(w);
    const { reader, notes, waiting } = await notebook(w, (read) => {
      if (read.some(({ data }) => data['user_id'] === poison)) throw new Error('never');
    });
    facts.reader(reader);
    await tell(w, poison);
    await tell(w, later);

    for (let tries = 0; tries < 8; tries++) {
      await rows.idle();
      await w.sql('UPDATE facts SET due_at = now() WHERE reader = $1', [reader.name]);
      await rows.sweep();
    }
    await rows.idle();

    expect(await notes()).toEqual([later]);
    expect(await waiting()).toEqual([{ reader: `dead:${reader.name}`, attempts: 8, error: 'never' }]);
    const { text } = await request(w.base_url).get('/observability/metrics').expect(200);
    expect(text).toContain(`facts_set_aside{reader="${reader.name}"} 1`);
  });
});

describe('statements of a transaction that left together', () => {
  it('fail for the reason of the first that failed', async () => {
    const w = await world();

    await expect(
      w.app.get(Database).tx((tx) => Promise.all([tx.rows('SELECT 1 / 0'), tx.rows('SELECT 1'), tx.attempt(() => tx.rows('SELECT 2'))])),
    ).rejects.toMatchObject({ code: '22012' });
  });

  it('are not committed without the one that failed, also when its failure is swallowed', async () => {
    const w = await world();
    const heard: unknown[] = [];
    w.app.get(EventBus).on('user.updated', (event) => void heard.push(event));

    await expect(
      w.app.get(Database).tx(async (tx) => {
        await tx.rows('SELECT 1 / 0').catch(() => undefined);
        tx.tell('user.updated', { organization_id: w.acme.id, user_id: newId() });
      }),
    ).rejects.toMatchObject({ code: '22012' });
    expect(heard).toEqual([]);
  });
});
