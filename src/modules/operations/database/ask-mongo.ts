import { isIP } from 'node:net';
import { mongo } from 'mongoose';
import { given } from '#common/given';
import type { JsonObject } from '#common/json.scalar';
import { ANSWER_MAX_BYTES, CONNECT_MS, OutsideFailure, type OutsideMongo, TOO_LARGE, type Target, failureOf } from './outside-database';

/** Another MongoDB, without its neighbours: a replica set would name hosts nobody has judged. */
export const askMongo: OutsideMongo = {
  version: (target) =>
    connected(target, CONNECT_MS, async (database) => {
      const { version } = await database.command({ buildInfo: 1 });
      return String(version);
    }),

  read: (target, question, { timeout_ms, max_rows }) =>
    connected(target, timeout_ms, async (database) => {
      const options = { maxTimeMS: timeout_ms, batchSize: Math.min(100, max_rows + 1) };
      const collection = database.collection(question.collection);
      const cursor =
        'pipeline' in question
          ? collection.aggregate([...question.pipeline, { $limit: max_rows + 1 }], options)
          : collection.find(question.filter, { ...options, ...rest(question), limit: max_rows + 1 });
      const data: JsonObject[] = [];
      let bytes = 0;
      for await (const document of cursor) {
        const plain = JSON.stringify(document);
        if ((bytes += plain.length) > ANSWER_MAX_BYTES) throw TOO_LARGE;
        data.push(JSON.parse(plain) as JsonObject);
      }
      return { data: data.slice(0, max_rows), truncated: data.length > max_rows };
    }),
};

const rest = ({ projection, sort, skip }: { projection?: JsonObject; sort?: JsonObject; skip?: number }): object =>
  given({ projection, sort, skip });

async function connected<R>(target: Target, timeout_ms: number, work: (database: mongo.Db) => Promise<R>): Promise<R> {
  const { address, port, host, database, username, password = '', ssl } = target;
  const client = new mongo.MongoClient(`mongodb://${isIP(address) === 6 ? `[${address}]` : address}:${port}/`, {
    directConnection: true,
    appName: 'pytake-database',
    maxPoolSize: 1,
    serverSelectionTimeoutMS: CONNECT_MS,
    connectTimeoutMS: CONNECT_MS,
    socketTimeoutMS: timeout_ms + CONNECT_MS,
    retryReads: false,
    tls: ssl,
    ...(ssl && { servername: host }),
    ...(username !== undefined && { auth: { username, password }, authSource: 'admin' }),
  });
  try {
    await client.connect();
    return await work(client.db(database));
  } catch (error) {
    if (error instanceof OutsideFailure) throw error;
    if (error instanceof mongo.MongoServerError) throw new OutsideFailure(error.message);
    const { cause = error } = error as Error;
    throw failureOf(cause, 'The database could not be reached.');
  } finally {
    await client.close(true).catch(() => undefined);
  }
}
