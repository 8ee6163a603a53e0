import type { EntityMetadata } from 'typeorm';
import { Actor } from '#common/actor';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { knownError } from '#database/database-errors';
import { unchecked } from '#database/references';
import { Conversation } from '#modules/conversations/conversation.entity';
import { lockThread } from '#modules/conversations/state/locking';
import { Metrics } from '#observability/metrics';
import { Orphans } from '../src/orphans';
import { type Row, insertRow } from './support/rows';
import { world } from './support/world';

type ForeignKey = EntityMetadata['foreignKeys'][number];

/** What a transaction found; nothing of it stays. */
class Undone extends Error {
  constructor(readonly found: unknown) {
    super('undone');
  }
}

async function tables(): Promise<EntityMetadata[]> {
  return (await world()).app.get(Database).source.entityMetadatas;
}

type Insert = (table: EntityMetadata, given?: Row) => Promise<Row>;

const insertInto =
  (tx: Tx, organization_id: string): Insert =>
  (table, given) =>
    insertRow(tx, table, organization_id, given);

/** Runs it for every reference there is; answers what it found by the reference's name. */
async function ofEach(
  find: (tx: Tx, table: EntityMetadata, key: ForeignKey, own: Insert, others: Insert) => Promise<unknown>,
): Promise<Row> {
  const { app, acme, globex } = await world();
  const found: Row = {};
  for (const table of await tables())
    for (const key of table.foreignKeys)
      found[key.name] = await app
        .get(Database)
        .tx(async (tx) => {
          throw new Undone(await find(tx, table, key, insertInto(tx, acme.id), insertInto(tx, globex.id)));
        })
        .catch((error: unknown) => {
          if (error instanceof Undone) return error.found;
          throw error;
        });
  return found;
}

/** The constraint that refuses `work`; null: none does. */
const refusedBy = (tx: Tx, work: () => Promise<unknown>): Promise<string | null> =>
  tx.attempt(work).then(
    () => null,
    (error: { code?: string; constraint?: string }) => {
      // foreign_key_violation, restrict_violation (PostgreSQL 18)
      if (error.code !== '23503' && error.code !== '23001') throw error;
      return error.constraint ?? '';
    },
  );

const whereOf = (table: EntityMetadata, row: Row): [where: string, values: unknown[]] => [
  table.primaryColumns.map(({ databaseName }, n) => `"${databaseName}" = $${n + 1}`).join(' AND '),
  table.primaryColumns.map(({ databaseName }) => row[databaseName]),
];

describe('a row that refers to another', () => {
  it('is refused where that one is of another organization', async () => {
    const found = await ofEach(async (tx, table, key, own, others) => {
      const target = key.referencedEntityMetadata;
      const [theirs, ours] = [await others(target), await own(target)];
      const column = key.columnNames[1];
      await own(table, { [column]: ours.id });
      return refusedBy(tx, () => own(table, { [column]: theirs.id }));
    });

    expect(Object.keys(found).length).toBeGreaterThan(20);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, name])));
  });

  it('is refused where that one is nobody’s', async () => {
    const found = await ofEach((tx, table, key, own) => refusedBy(tx, () => own(table, { [key.columnNames[1]]: newId() })));

    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, name])));
  });

  it('is not found, to whoever asked for it at a door', async () => {
    const { app, acme } = await world();
    const database = app.get(Database);

    const refused = database.repository(Conversation).insert(Actor.system(acme.id), { contact_id: newId() });

    expect(knownError(await refused.catch((error: unknown) => error))).toMatchObject({ status: 404, error_code: 'not_found' });
  });

  it('keeps it, goes with it or lets go of it when it is deleted, as the reference says', async () => {
    const expected: Row = {};
    const found = await ofEach(async (tx, table, key, own) => {
      const target = key.referencedEntityMetadata;
      const [column] = key.columnNames.slice(1);
      expected[key.name] = key.onDelete;
      const parent = await own(target);
      const child = await own(table, { [column]: parent.id });

      const [where, values] = whereOf(target, parent);
      const refused = await refusedBy(tx, () => tx.rows(`DELETE FROM ${target.tableName} WHERE ${where}`, values));
      if (refused !== null) return 'RESTRICT';
      const [after] = await tx.rows<Row | undefined>(
        `SELECT * FROM ${table.tableName} WHERE ${whereOf(table, child)[0]}`,
        whereOf(table, child)[1],
      );
      if (!after) return 'CASCADE';
      return after[column] === null && after.organization_id === child.organization_id ? 'SET NULL' : after;
    });

    expect(found).toEqual(expected);
  });

  it('does not wait for who changes what it refers to', async () => {
    const { app, acme } = await world();
    const database = app.get(Database);
    const conversation = await database.tx((tx) => insertRow(tx, database.source.getMetadata(Conversation), acme.id));

    await database.tx(async (tx) => {
      await lockThread(tx, Actor.system(acme.id), String(conversation.id));
      await acme.agent
        .post(`/conversations/${String(conversation.id)}/messages`, { content: 'Liga amanhã.', is_internal_note: true })
        .expect(201);
    });
  });
});

describe('a reference the database does not check', () => {
  it('is counted at night where it points to nothing', async () => {
    const { app, acme, sql } = await world();
    expect(unchecked.length).toBeGreaterThan(0);
    await app.get(Database).tx(async (tx) => {
      for (const { entity, column } of unchecked)
        await insertRow(tx, app.get(Database).source.getMetadata(entity), acme.id, { [column]: newId() });
    });

    await app.get(Orphans).orphans();

    const told = await app.get(Metrics).scrape();
    for (const { entity, column } of unchecked) {
      const { tableName } = app.get(Database).source.getMetadata(entity);
      expect(told).toContain(`orphan_references{table="${tableName}",column="${column}"} 1`);
      await sql(`UPDATE ${tableName} SET ${column} = NULL WHERE organization_id = $1`, [acme.id]);
    }
    await app.get(Orphans).orphans();
    expect(await app.get(Metrics).scrape()).not.toMatch(/orphan_references\{.*\} [1-9]/);
  });
});
