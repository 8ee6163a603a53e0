import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import {
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isLeafType,
  isListType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import request from 'supertest';
import { PUBLIC } from '#access/decorators';
import { Sessions } from '#access/sessions';
import { Role } from '#common/actor';
import { isPermission } from '#common/permissions';
import { handlersOf } from './support/handlers';
import { type Route, openApiOf, routesOf } from './support/openapi';
import { type Company, type Person, type World, world } from './support/world';

/*
 * R36: who may what, as the doors themselves answer: every route of the router and every root field of the graph in each role, with ids that are nobody's
 * and an empty body, and the permission that who has a list of their own needs. Kept in role-matrix.txt, so that a change of it is read by somebody.
 * `UPDATE_ROLE_MATRIX=true` writes it anew.
 */

const FILE = join(__dirname, '..', '..', 'test', 'role-matrix.txt');
const ROLES = ['viewer', 'agent', 'org_admin', 'super_admin'] as const;

/** A door and how it is knocked at; what it answers. */
interface Door {
  name: string;
  is_public: boolean;
  knock(person: Person): PromiseLike<Answer>;
}

interface Answer {
  status: number;
  error_code?: string;
  message: string;
}

let w: World;
let company: Company;
let doors: Door[];

beforeAll(async () => {
  w = await world({ META_GRAPH_BASE_URL: 'http://127.0.0.1:9' });
  company = await w.organization('Initech');
  doors = [...routesOf(openApiOf(w.app, w.env)).map(restDoor), ...graphqlDoors()];
});

const restDoor = (route: Route): Door => ({
  name: route.name,
  is_public: route.operation['x-role'] === 'public',
  knock: async ({ token }) => {
    const call = request(w.base_url)
      [route.method](route.path.replaceAll(/\{\w+\}/g, () => randomUUID()))
      .set('Authorization', `Bearer ${token}`);
    const { status, body } = await (route.method === 'get' ? call : call.send({}));
    const { error_code, error } = body as { error_code?: string; error?: { message: string } };
    return { status, error_code, message: error?.message ?? '' };
  },
});

function graphqlDoors(): Door[] {
  const { schema } = w.app.get(GraphQLSchemaHost);
  const open = new Set(
    handlersOf(w.app).flatMap(({ field, handler, metatype }) =>
      field?.root && [handler, metatype].some((target) => Reflect.hasMetadata(PUBLIC, target)) ? [field.name] : [],
    ),
  );
  return [schema.getQueryType(), schema.getMutationType()].flatMap((root) => (root ? doorsOf(root, open) : []));
}

const doorsOf = (root: GraphQLObjectType, open: ReadonlySet<string>): Door[] =>
  Object.values(root.getFields()).map(({ name, args, type }) => {
    const taken = args.filter(isRequiredArgument);
    const declared = taken.map((arg) => `$${arg.name}: ${arg.type.toString()}`).join(', ');
    const passed = taken.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
    const fields = isLeafType(getNamedType(type)) ? '' : '{ __typename }';
    const document = `${root.name.toLowerCase()} ${declared && `(${declared})`} { ${name} ${passed && `(${passed})`} ${fields} }`;
    return {
      name: `${root.name} ${name}`,
      is_public: open.has(name),
      knock: async (person) => {
        const { body } = await person.graphql(document, Object.fromEntries(taken.map((arg) => [arg.name, someValue(arg.type)])));
        const [error] =
          (body as { errors?: { message: string; extensions: { status_code?: number; error_code?: string } }[] }).errors ?? [];
        const { status_code = 200, error_code } = error?.extensions ?? {};
        return { status: status_code, error_code, message: error?.message ?? '' };
      },
    };
  });

/** The least a type takes. */
function someValue(type: GraphQLInputType): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [];
  if (!isInputObjectType(nullable)) return { ID: randomUUID(), Int: 1, Boolean: true, JSON: {} }[nullable.toString()] ?? 'x';
  const fields = Object.values(nullable.getFields()).filter(isRequiredInputField);
  return Object.fromEntries(fields.map((field) => [field.name, someValue(field.type)]));
}

/** Somebody new each time: what is allowed may take effect, on sessions too. */
async function somebody(role: `${Role}`, permissions: string[] | null = null): Promise<Person> {
  const person = await company.hire(role);
  if (permissions) {
    await w.sql('UPDATE users SET custom_permissions = $2 WHERE id = $1', [person.user.id, permissions]);
    w.app.get(Sessions).forget(person.user.id);
  }
  return person;
}

/** The permission a refusal asks for. */
const askedFor = ({ status, error_code, message }: Answer): string | null => {
  if (status !== 403 || error_code !== 'permission_denied') return null;
  return /: (\w+:\w+)\./.exec(message)?.[1] ?? '?';
};

describe('the role matrix', () => {
  it('is what is written down', async () => {
    const lines: string[] = [];
    for (const door of doors.filter(({ is_public }) => !is_public)) {
      const codes: number[] = [];
      for (const role of ROLES) codes.push((await door.knock(await somebody(role))).status);
      const needs = codes[2] === 403 ? '-' : (askedFor(await door.knock(await somebody('org_admin', []))) ?? 'own account');
      lines.push(`${door.name.padEnd(64)} ${codes.join(' ')} ${needs}`);
    }
    const matrix = [`${''.padEnd(64)} ${ROLES.join(' ')} permission`, ...lines.sort(), ''].join('\n');

    if (process.env.UPDATE_ROLE_MATRIX === 'true') writeFileSync(FILE, matrix);
    expect(lines.filter((line) => / (?:401|5\d\d)\b/.test(line.slice(64)))).toEqual([]);
    expect(matrix).toBe(readFileSync(FILE, 'utf8'));
  });

  it('names a permission of the catalogue for whatever is not the own account, and nothing else opens it', async () => {
    const wrong: string[] = [];
    for (const door of doors.filter(({ is_public }) => !is_public)) {
      const needs = askedFor(await door.knock(await somebody('org_admin', [])));
      if (needs === null) continue;
      const [action, resource] = needs.split(':');
      const opened = await door.knock(await somebody('org_admin', [needs]));
      const other = action === 'read' ? 'write' : 'read';
      const closed = await door.knock(await somebody('org_admin', [`${other}:*`, `${action}:${resource === 'erp' ? 'ai' : 'erp'}`]));
      if (!isPermission(needs) || opened.status === 403 || askedFor(closed) !== needs)
        wrong.push(
          `${door.name}: ${needs}, with it ${opened.status} ${opened.error_code}, with others ${closed.status} ${closed.error_code}`,
        );
    }

    expect(wrong).toEqual([]);
  });
});
