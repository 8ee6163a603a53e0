import { Invalid } from '#common/errors';
import { isObject } from '#common/is-object';
import type { ParameterValue, QueryParameter } from './database.dto';

type Json = Record<string, unknown>;

/** A question to MongoDB that reads. */
export type MongoRead =
  { collection: string; filter: Json; projection?: Json; sort?: Json; skip?: number } | { collection: string; pipeline: Json[] };

/** What only reads, within the database. Not: `$out` and `$merge`, which write, and what looks at the server. */
const STAGES = new Set(
  '$match $project $group $sort $limit $skip $unwind $count $addFields $set $unset $replaceRoot $replaceWith $lookup $graphLookup $unionWith $facet $bucket $bucketAuto $sortByCount $sample $geoNear $setWindowFields $densify $fill'.split(
    ' ',
  ),
);
/** They run code on the server, or write. */
const FORBIDDEN = new Set(['$where', '$function', '$accumulator', '$out', '$merge']);
const NESTED_PIPELINES = new Set(['$lookup', '$unionWith']);
const FIND_FIELDS = new Set(['find', 'filter', 'projection', 'sort', 'skip']);
const AGGREGATE_FIELDS = new Set(['aggregate', 'pipeline']);

/**
 * Reads `{"find": …}` or `{"aggregate": …}`; the text `":name"` in it is the parameter of that name.
 * @throws {Invalid} 422, with the reason.
 */
export function readMongo(query: string, parameters: readonly QueryParameter[]): MongoRead {
  const given = new Map(parameters.map(({ name, value }) => [name, value]));
  const command = bind(parseJson(query), given) as Json;
  const kind = 'find' in command ? 'find' : 'aggregate';
  const collection = command[kind];
  const fields = kind === 'find' ? FIND_FIELDS : AGGREGATE_FIELDS;
  const other = Object.keys(command).find((name) => !fields.has(name));
  if (other !== undefined) throw refused(`${other} is not taken.`);
  if (typeof collection !== 'string' || !collection || /^system\.|[$\0]/.test(collection)) throw refused('It names a collection.');
  refuseCode(command);
  if (kind === 'aggregate') return { collection, pipeline: pipelineOf(command.pipeline) };
  const { filter = {}, projection, sort, skip } = command;
  for (const part of [filter, projection ?? {}, sort ?? {}]) if (!isObject(part)) throw refused('filter, projection and sort are objects.');
  if (skip !== undefined && (!Number.isInteger(skip) || (skip as number) < 0)) throw refused('skip is a whole number.');
  return { collection, filter: filter as Json, projection: projection as Json, sort: sort as Json, skip: skip as number | undefined };
}

function pipelineOf(value: unknown): Json[] {
  if (!Array.isArray(value)) throw refused('pipeline is a list of stages.');
  return value.map((stage: unknown) => {
    const [[name, body] = ['', null], ...more] = isObject(stage) ? Object.entries(stage) : [];
    if (more.length || !STAGES.has(name)) throw refused(`${name || 'This'} is no stage that only reads.`);
    if (isObject(body) && NESTED_PIPELINES.has(name)) {
      // `from: {db, coll}` leads into another database.
      for (const from of [body.from, body.coll]) if (from !== undefined && typeof from !== 'string') throw refused(`${name} stays here.`);
      if (body.pipeline !== undefined) pipelineOf(body.pipeline);
    }
    if (name === '$facet') for (const inner of Object.values(isObject(body) ? body : {})) pipelineOf(inner);
    return stage as Json;
  });
}

function refuseCode(value: unknown): void {
  if (value === null || typeof value !== 'object') return;
  for (const [name, inner] of Object.entries(value)) {
    if (FORBIDDEN.has(name)) throw refused(`${name} is not taken.`);
    if ((name === 'from' || name === 'coll' || name === '$unionWith') && typeof inner === 'string' && inner.startsWith('system.'))
      throw refused('Collections of the server are not read.');
    refuseCode(inner);
  }
}

function bind(value: unknown, given: ReadonlyMap<string, ParameterValue>): unknown {
  if (typeof value === 'string') {
    const [, name] = /^:([A-Za-z_]\w*)$/.exec(value) ?? [];
    if (name === undefined) return value;
    if (!given.has(name)) throw Invalid.field('parameters', `The query names :${name}, which is not given.`);
    return given.get(name);
  }
  if (Array.isArray(value)) return value.map((item) => bind(item, given));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, bind(inner, given)]));
}

function parseJson(query: string): Json {
  try {
    const command: unknown = JSON.parse(query);
    if (isObject(command)) return command;
  } catch {
    // Said below.
  }
  throw refused('It is a JSON object.');
}

const refused = (msg: string): Invalid => Invalid.field('query', `Only find and aggregate are taken. ${msg}`);
