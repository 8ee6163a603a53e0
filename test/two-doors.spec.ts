import { RequestMethod, type Type } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  OperationTypeNode,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isLeafType,
  isListType,
} from 'graphql';
import { exampleOf } from '#api/openapi-examples';
import type { Schema } from '#api/openapi-types';
import { aliasesOf } from '#common/alias';
import { type Handler, type Input, handlersOf } from './support/handlers';
import { type Route, openApiOf, propertiesOf, routesOf } from './support/openapi';
import { type Person, type World, world } from './support/world';

// One input behind two doors: each mistake of a REST body or query is made in GraphQL too, and has to be the same mistake there. Made of the
// OpenAPI document, GraphQL's schema and the classes both are made of: a new room is in it as soon as it is there.

/** Values a schema forbids. */
type Rules = Schema & {
  nullable?: boolean;
  required?: string[];
  enum?: unknown[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
};

type Given = Record<string, unknown>;
type Detail = { loc?: (string | number)[] };

/** A class both doors take, and where. */
interface Pair {
  name: string;
  route: Route;
  place: Input['place'];
  type: Type;
  field: { root: OperationTypeNode; name: string; input?: string };
}

/** A wrong value of one field, and the way to it. */
interface Mistake {
  way: string[];
  what: string;
  /** All that is sent, with it. */
  sent: Given;
}

/** What the doors differ in, each with its reason. */
const DIFFERENT: Record<string, string> = {
  'UsersResolver.changePassword current_password null':
    "GraphQL's is one's own alone, and there it is always asked for; REST's is an administrator's too",
};

const SOME_ID = '019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';

let w: World;
let document: ReturnType<typeof openApiOf>;
let schemas: Record<string, Rules>;
let pairs: Pair[];

beforeAll(async () => {
  w = await world();
  document = openApiOf(w.app, w.env);
  schemas = (document.components?.schemas ?? {}) as Record<string, Rules>;
  pairs = pairsOf(handlersOf(w.app));
});

describe('what GraphQL takes', () => {
  it('is what a REST route takes', () => {
    const classes = handlersOf(w.app).flatMap(({ name, field, inputs }) =>
      field?.root ? inputs.filter(({ type }) => type !== String).map(({ type }) => `${name}: ${type.name}`) : [],
    );

    expect(classes.length).toBeGreaterThan(15);
    expect(pairs.map(({ name, type }) => `${name}: ${type.name}`).sort()).toEqual(classes.sort());
  });

  it('is refused where REST refuses it, with the same word and the field named', async () => {
    const different: unknown[] = [];
    let refused = 0;
    for (const pair of pairs)
      await Promise.all(
        [...mistakesOf(pair)].map(async (mistake) => {
          const [rest, graphql] = await Promise.all([throughRest(pair, mistake), throughGraphql(pair, mistake)]);
          if (rest === 'validation_error') refused++;
          const { way, what } = mistake;
          if (DIFFERENT[`${pair.name} ${way.join('.')} ${what}`]) return;
          if (rest !== graphql || rest === 'internal_error') different.push({ act: pair.name, field: way.join('.'), what, rest, graphql });
        }),
      );

    expect(different).toEqual([]);
    expect(refused).toBeGreaterThan(500);
  }, 300_000);
});

// --- who shares what

function pairsOf(handlers: Handler[]): Pair[] {
  const routes = routesOf(document);
  return handlers.flatMap(({ name, field, inputs }) =>
    inputs.flatMap((input) => {
      if (!field?.root || input.type === String) return [];
      const twin = twinOf(input.type, handlers);
      if (!twin) return [];
      const path = `/api/v1/${twin.route.path}`.replaceAll(/:(\w+)/g, '{$1}').replace(/\/+$/, '');
      const route = routes.find((one) => one.path === path && one.method === RequestMethod[twin.route.method].toLowerCase());
      if (!route) return [];
      const root = OperationTypeNode[field.root === 'Query' ? 'QUERY' : 'MUTATION'];
      return [{ name, route, place: twin.place, type: input.type, field: { root, name: field.name, input: input.name } }];
    }),
  );
}

/** The route that takes this class, or the one it is made of. */
function twinOf(type: Type, handlers: Handler[]): { route: NonNullable<Handler['route']>; place: Input['place'] } | undefined {
  const found = handlers.flatMap(({ route, inputs }) =>
    route ? inputs.filter((input) => input.type === type).map(({ place }) => ({ route, place })) : [],
  );
  const base = Object.getPrototypeOf(type) as Type;
  return found.find(({ place }) => place === 'body') ?? found[0] ?? (base.prototype ? twinOf(base, handlers) : undefined);
}

// --- what is wrong

function* mistakesOf(pair: Pair): Generator<Mistake> {
  const schema = takenBy(pair);
  const aliases = [...aliasesOf(pair.type.prototype as object).values()].flat();
  for (const { way } of propertiesOf(schema, document)) {
    // An alias is its field's.
    if (aliases.includes(way[0]) || !isInGraphql(pair, way)) continue;
    const { rules, required } = rulesAt(schema, way);
    for (const [what, value] of wrongValues(rules, required, pair.place)) yield { way, what, sent: around(schema, way, value) as Given };
  }
}

function* wrongValues(rules: Rules, required: boolean, place: Input['place']): Generator<[what: string, value: unknown]> {
  const { type, format, minimum, maximum, minLength, maxLength, maxItems } = rules;
  if (required) yield ['absent', undefined];
  if (place === 'body' && !rules.nullable) yield ['null', null];
  // A query is text, whatever it stands for.
  if (place === 'body') yield ['of another type', type === 'string' || type === 'array' || rules.oneOf ? 5 : 'text'];
  else if (type === 'integer' || type === 'boolean') yield ['of another type', 'many'];
  if (rules.enum) yield ['no word of the list', 'no-such-word'];
  if (minLength) yield ['too short', ''];
  if (maxLength && type === 'string') yield ['too long', 'x'.repeat(maxLength + 1)];
  if (format === 'uuid' || format === 'email' || format === 'uri') yield [`no ${format}`, 'nothing of the kind'];
  if (type === 'integer') yield ['no whole number', 1.5];
  if (minimum !== undefined) yield ['too small', minimum - 1];
  if (maximum !== undefined) yield ['too large', maximum + 1];
  if (maxItems !== undefined) yield ['too many', Array.from({ length: maxItems + 1 }, () => exampleOf(rules.items ?? {}, schemas))];
}

/** What a route takes, as one schema. */
function takenBy({ route: { operation }, place }: Pair): Rules {
  if (place === 'body') return { ...Object.values(operation.requestBody?.content ?? {})[0]?.schema } as Rules;
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  return { properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, schema])) } as Rules;
}

const resolved = (rules: Rules): Rules => {
  const inner = rules.$ref ? schemas[rules.$ref.split('/').pop() ?? ''] : rules.allOf?.[0];
  return inner ? resolved({ ...inner, nullable: rules.nullable }) : rules;
};

function rulesAt(schema: Rules, way: string[]): { rules: Rules; required: boolean } {
  let rules = resolved(schema);
  let required = false;
  for (const name of way) {
    required = rules.required?.includes(name) ?? false;
    rules = resolved(partOf(rules, name));
  }
  return { rules, required };
}

/** A field of an object, or the items of a list. */
function partOf(rules: Rules, name: string): Rules {
  const branch = [rules, ...(rules.oneOf ?? []).map(resolved)].find(({ properties, items }) => (name === '0' ? items : properties?.[name]));
  return (name === '0' ? branch?.items : branch?.properties?.[name]) ?? {};
}

/** The value where the way ends, in what has to stand around it. */
function around(schema: Rules, [name, ...way]: string[], value: unknown): unknown {
  const rules = resolved(schema);
  const inner = way.length ? around(partOf(rules, name), way, value) : value;
  if (name === '0') return [inner];
  const examples = (rules.required ?? []).map((field) => [field, exampleOf(rules.properties?.[field] ?? {}, schemas, undefined, field)]);
  return { ...(Object.fromEntries(examples) as Given), [name]: inner };
}

// --- sending

function fieldOf({ field: { root, name } }: Pair): GraphQLField<unknown, unknown> {
  const found = w.app.get(GraphQLSchemaHost).schema.getRootType(root)?.getFields()[name];
  if (!found) throw new Error(`No ${root} ${name}`);
  return found;
}

function isInGraphql(pair: Pair, way: string[]): boolean {
  let fields: readonly (GraphQLArgument | GraphQLInputField)[] = fieldOf(pair).args;
  let type: GraphQLInputType | undefined;
  for (const name of pair.field.input ? [pair.field.input, ...way] : way) {
    if (type && getNamedType(type).name === 'JSON') return true;
    if (type && isListType(getNullableType(type)) && name === '0') continue;
    type = fields.find((field) => field.name === name)?.type;
    if (!type) return false;
    const named = getNamedType(type);
    fields = isInputObjectType(named) ? Object.values(named.getFields()) : [];
  }
  return true;
}

/** Somebody new each time: a logout that is taken ends no other's session. */
const somebody = (): Promise<Person> => w.acme.hire('super_admin');

async function throughRest({ route, place }: Pair, { way, sent }: Mistake): Promise<string | null> {
  const person = await somebody();
  const path = route.path.replace('/api/v1', '').replaceAll(/\{\w+\}/g, SOME_ID);
  const call = person[route.method as 'get' | 'post' | 'put' | 'delete'](path);
  const { status, body } = await (place === 'body' ? call.send(sent) : call.query(sent));
  const { error_code, error } = body as { error_code: string; error?: { details?: Detail[] } };
  return status >= 500 || names(error?.details, way) ? error_code : null;
}

async function throughGraphql(pair: Pair, { way, sent }: Mistake): Promise<string | null> {
  const { root, name, input } = pair.field;
  const { args, type } = fieldOf(pair);
  const ids = Object.fromEntries(
    args.filter((arg) => !(arg.name in sent) && arg.name !== input && arg.type.toString() === 'ID!').map((arg) => [arg.name, SOME_ID]),
  );
  const variables: Given = { ...ids, ...(input ? { [input]: sent } : sent) };
  const given = args.filter((arg) => arg.name in variables);
  const query = `${root} (${given.map((arg) => `$${arg.name}: ${arg.type.toString()}`).join(', ')}) {
    ${name}(${given.map((arg) => `${arg.name}: $${arg.name}`).join(', ')}) ${isLeafType(getNamedType(type)) ? '' : '{ __typename }'}
  }`;
  const { body } = await (await somebody()).graphql(query, variables);
  const [first] = (body as { errors?: { extensions: { status_code?: number; error_code?: string; details?: Detail[] } }[] }).errors ?? [];
  const { status_code = 200, error_code = null, details } = first?.extensions ?? {};
  return status_code >= 500 || names(details, way) || names(details, [input ?? '', ...way]) ? error_code : null;
}

/** Whether one of the places is the field, or within it. */
const names = (details: Detail[] | undefined, way: string[]): boolean =>
  (details ?? []).some(({ loc = [] }) => way.every((name, n) => String(loc[n + 1]) === name));
