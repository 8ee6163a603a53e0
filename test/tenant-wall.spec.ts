import { randomUUID } from 'node:crypto';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { OpenAPIObject } from '@nestjs/swagger';
import { getNamedType, getNullableType, isInputObjectType, isListType, isObjectType, isRequiredArgument } from 'graphql';
import request from 'supertest';
import { ALLOW } from '#access/decorators';
import { Role, atLeast } from '#common/actor';
import { newId } from '#common/uuid';
import { Database } from '#database/database';
import { PNG } from './support/files';
import { handlersOf } from './support/handlers';
import { Inbox } from './support/inbox';
import { metaPayload } from './support/meta-payloads';
import { officialNumber } from './support/official-number';
import { type Route, openApiOf, propertiesOf, routesOf } from './support/openapi';
import { type Belongings, ROOMS, type RoomFacts } from './support/rooms';
import { type Company, type Person, type World, world } from './support/world';

// Every route of the OpenAPI document, with every id it takes, from the wrong organization (R32), without a token, and in every role (R36).
// A route or an id that no room speaks of fails here: test/rooms says what each means.

const all = <T>(part: (facts: RoomFacts) => Record<string, T> | undefined): Record<string, T> =>
  Object.assign({}, ...ROOMS.map((facts) => part(facts) ?? {})) as Record<string, T>;
const IDS = all(({ ids }) => ids);
const NO_IDS = all(({ no_ids }) => no_ids);
const NOT_LOOKED_UP = all(({ not_looked_up }) => not_looked_up);

/** Meta's own list, and nobody answers there. */
const AT_META = 'GET /whatsapp/{number_id}/templates';

/** A body the route takes, with ids of `own`. */
const bodyOf = (name: string, own: Belongings): Record<string, unknown> | undefined => all(({ bodies }) => bodies?.(own))[name];

/** The same body with one id from elsewhere, and what must go for the field to be looked at. */
function withId(name: string, own: Belongings, way: string[], id: string): Record<string, unknown> {
  const body = structuredClone(bodyOf(name, own) ?? {});
  const field = way.join('.');
  if (field === 'media_id') {
    delete body.audio_url;
    delete body.document_url;
    if (name === 'POST /conversations/{conversation_id}/messages') Object.assign(body, { content: undefined, message_type: 'image' });
  }
  if (field === 'template_id' && name === 'POST /whatsapp/send') Object.assign(body, { type: 'template', message: undefined });
  if (field === 'template.template_id') Object.assign(body, { content: undefined, message_type: 'template' });
  if (field.startsWith('initial_message.template')) body.initial_message = { message_type: 'template' };
  if (field === 'initial_message.media_id') body.initial_message = { message_type: 'image' };
  if (field === 'initial_message.reply_to_message_id') body.initial_message = { content: 'Olá' };
  // The number of a conversation is settled; another one counts only where a conversation is begun.
  if (way.at(-1) === 'whatsapp_number_id') delete body.conversation_id;
  let at = body;
  for (const step of way.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  const last = way[way.length - 1];
  at[last] = last.endsWith('_ids') ? [id] : id;
  return body;
}

/** A working day in a company: a number, a template, a customer who wrote, a file. */
async function belongings(w: World, company: Company): Promise<Belongings> {
  const inbox = new Inbox(w, company, await officialNumber(w, company));
  const person = inbox.person();
  await inbox.receive(metaPayload.text(person));
  const conversation = await inbox.conversation();
  const message = await inbox.message();
  const template = newId();
  await w.sql(
    `INSERT INTO whatsapp_templates (id, organization_id, whatsapp_number_id, name, language, category, status, components)
     VALUES ($1, $2, $3, 'aviso', 'pt_BR', 'UTILITY', 'APPROVED', $4)`,
    [template, company.id, inbox.number.id, JSON.stringify([{ type: 'BODY', text: 'Olá' }])],
  );
  const { body: media } = await company.agent.post('/whatsapp/media').attach('file', PNG, { filename: 'a.png' }).expect(201);
  await w.sql('UPDATE messages SET media = $2 WHERE id = $1', [
    message.id,
    JSON.stringify({ id: media.id as string, mime_type: 'image/png' }),
  ]);
  // A second customer, served and done with.
  await inbox.receive(metaPayload.text(inbox.person({ name: 'Rui Dias' })));
  const done = (await inbox.conversations()).find(({ id }) => id !== conversation.id) ?? conversation;
  await company.agent.post(`/conversations/${done.id}/close`, {}).expect(200);
  await w.sql('UPDATE conversations SET whatsapp_number_id = NULL WHERE id = $1', [done.id]);
  const { body: user } = await company.admin.get(`/users/${company.agent.user.id}`).expect(200);
  return {
    user: user.id as string,
    contact: conversation.contact_id as string,
    number: inbox.number.id,
    template,
    conversation: conversation.id,
    message: message.id,
    idle_contact: done.contact_id as string,
    numberless: done.id,
    media: media.id as string,
    phone: `+${person.from}`,
    ...Object.assign({}, ...(await Promise.all(ROOMS.flatMap(({ belongings }) => belongings?.(w, company) ?? [])))),
  };
}

let w: World;
let acme: Company;
let globex: Company;
let document: OpenAPIObject;
let routes: Route[];
let ours: Belongings;
let theirs: Belongings;

beforeAll(async () => {
  w = await world({ META_GRAPH_BASE_URL: 'http://127.0.0.1:9' });
  ({ acme, globex } = w);
  document = openApiOf(w.app, w.env);
  routes = routesOf(document);
  [ours, theirs] = [await belongings(w, acme), await belongings(w, globex)];
});

function isEmpty(body: unknown): boolean {
  if (Array.isArray(body)) return body.length === 0;
  const { total, total_conversations } = body as { total?: number; total_conversations?: number };
  return (total ?? total_conversations) === 0;
}

const call = (person: Person, { method, path }: Route, ids: Record<string, string>, body?: object, query: object = {}): request.Test => {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name]);
  const test = request(w.base_url)[method](filled).query(query);
  if (person.token) test.set('Authorization', `Bearer ${person.token}`);
  return body ? test.send(body) : test;
};

/** Super admins act in any organization; a public door knows no organization, and opens to the token in its address. */
const crosses = ({ operation }: Route): boolean => operation['x-role'] === 'super_admin' || operation['x-role'] === 'public';

const pathIds = ({ path }: Route): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
const idsFrom = (route: Route, from: Belongings): Record<string, string> =>
  Object.fromEntries(pathIds(route).map((name) => [name, from[IDS[name]]]));
const anyIds = (route: Route): Record<string, string> => Object.fromEntries(pathIds(route).map((name) => [name, randomUUID()]));
const bodyIds = (route: Route): string[][] =>
  Object.values(route.operation.requestBody?.content ?? {})
    .flatMap(({ schema }) => propertiesOf(schema, document))
    .filter(({ way, schema }) => schema.format === 'uuid' || /(^|_)ids?$/.test(way[way.length - 1]))
    .map(({ way }) => way)
    .filter((way) => !NO_IDS[way.join('.')]);
const queryIds = ({ operation }: Route): string[] =>
  (operation.parameters ?? [])
    .filter(({ in: place, name, schema }) => place === 'query' && (schema?.format === 'uuid' || name in IDS || /_ids?$/.test(name)))
    .map(({ name }) => name)
    .filter((name) => !NO_IDS[name]);

/** Tables whose rows come and go by themselves, or whoever asks. */
const RESTLESS = ['sessions', 'audit_logs', 'idempotency_keys', 'facts', 'outbound_mails'];

/** Everything an organization has, as one word. */
async function everythingOf(company: Company): Promise<unknown[]> {
  const tables = w.app
    .get(Database)
    .source.entityMetadatas.filter(({ columns }) => columns.some(({ databaseName }) => databaseName === 'organization_id'))
    .map(({ tableName }) => tableName)
    .filter((table) => !RESTLESS.includes(table))
    .sort();
  return w.sql(
    tables
      .map(
        (table) =>
          `SELECT '${table}' AS name, count(*)::int AS rows, md5(string_agg(t::text, '|' ORDER BY t::text)) AS content FROM ${table} t WHERE organization_id = $1`,
      )
      .join(' UNION ALL '),
    [company.id],
  );
}

describe('another organization', () => {
  it('has an id for every parameter of every route', () => {
    const unknown = routes.flatMap((route) => [
      ...pathIds(route)
        .filter((name) => !IDS[name])
        .map((name) => `${route.name} path ${name}`),
      ...queryIds(route)
        .filter((name) => !IDS[name])
        .map((name) => `${route.name} query ${name}`),
      ...bodyIds(route)
        .filter((way) => !IDS[way[way.length - 1]])
        .map((way) => `${route.name} body ${way.join('.')}`),
    ]);

    expect(routes.length).toBeGreaterThan(80);
    expect(unknown).toEqual([]);
  });

  it('is not found by any id in a path', async () => {
    const before = await everythingOf(globex);
    const answers: Record<string, unknown> = {};
    for (const route of routes.filter((one) => !crosses(one)))
      for (const name of pathIds(route)) {
        const ids = { ...idsFrom(route, ours), [name]: theirs[IDS[name]] };
        const { status, body } = await call(acme.admin, route, ids, bodyOf(route.name, ours) ?? {});
        answers[`${route.name} ${name}`] = `${status} ${(body as { error_code?: string }).error_code}`;
      }

    expect(Object.keys(answers).length).toBeGreaterThan(40);
    expect(Object.entries(answers).filter(([, answer]) => answer !== '404 not_found')).toEqual([]);
    expect(await everythingOf(globex)).toEqual(before);
  });

  it('is not found by any id in a body', async () => {
    const before = [await everythingOf(globex), await everythingOf(acme)];
    const answers: Record<string, string> = {};
    for (const route of routes.filter((one) => !crosses(one)))
      for (const way of bodyIds(route)) {
        const key = `${route.name} ${way.join('.')}`;
        if (NOT_LOOKED_UP[key]) continue;
        const body = withId(route.name, ours, way, theirs[IDS[way[way.length - 1]]]);
        const ids = idsFrom(route, ours);
        // The number of a conversation that has one cannot be changed at all.
        if (key === 'PUT /conversations/{conversation_id} whatsapp_number_id') ids.conversation_id = ours.numberless;
        const { status, body: answer } = await call(acme.admin, route, ids, body);
        answers[key] = `${status} ${(answer as { error_code?: string }).error_code}`;
      }

    expect(Object.keys(answers).length).toBeGreaterThan(40);
    expect(Object.entries(answers).filter(([, answer]) => answer !== '404 not_found')).toEqual([]);
    expect([await everythingOf(globex), await everythingOf(acme)]).toEqual(before);
  });

  it('is in no list, whatever the filter', async () => {
    const answers: Record<string, unknown> = {};
    for (const route of routes.filter((one) => !crosses(one)))
      for (const name of queryIds(route)) {
        const { status, body } = await call(acme.admin, route, idsFrom(route, ours), undefined, {
          ...(route.path.endsWith('/search') && { search: 'Ana' }),
          ...(route.path.endsWith('/export') && { format: 'json' }),
          [name]: theirs[IDS[name]],
        });
        answers[`${route.name} ${name}`] = status === 404 || isEmpty(body) ? 'empty' : { status, body: body as unknown };
      }

    expect(Object.keys(answers).length).toBeGreaterThan(8);
    expect(Object.entries(answers).filter(([, answer]) => answer !== 'empty')).toEqual([]);
  });

  it('is in no list without a filter either', async () => {
    const lists = routes
      .filter(
        ({ method, path, operation }) =>
          method === 'get' && path.startsWith('/api/v1') && operation.responses['200']?.headers?.['X-Total-Count'] !== undefined,
      )
      .filter((route) => !crosses(route));
    const leaks: string[] = [];
    for (const route of lists) {
      const { status, body } = await call(acme.admin, route, idsFrom(route, ours), undefined, { limit: 100 });
      const answered = route.name === AT_META ? 502 : 200;
      expect({ route: route.name, status }).toEqual({ route: route.name, status: route.name.endsWith('/search') ? 422 : answered });
      // An export is noted with what was asked for, by our own administrator.
      const { items = [] } = body as { items?: { action?: string }[] };
      const text = JSON.stringify(items.filter(({ action }) => action !== 'audit_log.exported'));
      for (const [noun, id] of Object.entries(theirs)) if (text.includes(id)) leaks.push(`${route.name} shows a ${noun}`);
    }

    expect(lists.length).toBeGreaterThan(8);
    expect(leaks).toEqual([]);
  });

  it('cannot be chosen in a header', async () => {
    for (const path of ['/organizations/me', '/contacts', '/users/me']) {
      const plain = await acme.admin.get(path).expect(200);
      const chosen = await acme.admin.get(path).set('X-Organization-Id', globex.id).expect(200);
      expect(chosen.body).toEqual(plain.body);
    }
  });

  it('cannot be chosen in a body', async () => {
    const { body: contact } = await acme.admin
      .post('/contacts', { whatsapp_id: '+5511987650001', organization_id: globex.id, id: theirs.contact })
      .expect(201);
    const { body: renamed } = await acme.admin.put(`/contacts/${contact.id}`, { name: 'Ana', organization_id: globex.id }).expect(200);

    expect([contact.organization_id, renamed.organization_id]).toEqual([acme.id, acme.id]);
    expect(contact.id).not.toBe(theirs.contact);
  });

  it('finds all of it itself', async () => {
    // The counter-check: with its own ids every route of above answers, so the 404s came from the wall. Deleting comes last. 502: nobody plays Meta here.
    const order = (route: Route): number =>
      // What is in something before that itself; who is forgotten at the end.
      route.path.startsWith('/api/v1/privacy/data/')
        ? 10
        : route.method === 'delete'
          ? 9 - pathIds(route).length - (route.path.endsWith('}') ? 0 : 0.5)
          : route.name.startsWith('POST /users')
            ? 1
            : 0;
    const lost: string[] = [];
    for (const route of routes.filter((route) => pathIds(route).length && !crosses(route)).sort((a, b) => order(a) - order(b))) {
      // An alias of a route that has deleted already.
      if (route.method === 'delete' && /whatsapp-configs|\/agent-skills\//.test(route.path)) continue;
      const { status, text } = await call(globex.admin, route, idsFrom(route, theirs), bodyOf(route.name, theirs) ?? {});
      if (status === 404 || status === 401 || status === 403 || (status >= 500 && status !== 502))
        lost.push(`${route.name}: ${status} ${text}`);
    }

    expect(lost).toEqual([]);
  });
});

describe('another organization in GraphQL', () => {
  /** What `id` is an id of, by the noun in the field's name. */
  const NOUNS = [...new Set(['template', 'number', 'conversation', 'message', 'contact', 'user', ...Object.values(IDS)])];
  const nounOf = (field: string): string | undefined => NOUNS.find((noun) => field.toLowerCase().includes(noun));

  it('is not found by any id of any field', async () => {
    const schema = w.app.get(GraphQLSchemaHost).schema;
    const before = await everythingOf(globex);
    const answers: Record<string, string> = {};
    const crossing = new Set(
      handlersOf(w.app).flatMap(({ field, handler }) =>
        Reflect.getMetadata(ALLOW, handler) === 'super_admin' && field ? [field.name] : [],
      ),
    );
    for (const [kind, type] of [
      ['query', schema.getQueryType()],
      ['mutation', schema.getMutationType()],
    ] as const)
      for (const field of Object.values(type?.getFields() ?? {}).filter(({ name }) => !crossing.has(name))) {
        const ids = field.args.filter(({ type: arg }) => getNamedType(arg).name === 'ID');
        for (const foreign of ids) {
          const given = field.args.filter(
            (arg) => arg === foreign || isRequiredArgument(arg) || ['content', 'permissions'].includes(arg.name),
          );
          const noun = (name: string): string | undefined => (name === 'id' ? nounOf(field.name) : IDS[name]);
          const variables = Object.fromEntries(
            given.map((arg) => {
              const of = noun(arg.name);
              if (ids.includes(arg)) return [arg.name, of ? (arg === foreign ? theirs : ours)[of] : 'unknown'];
              if (isListType(getNullableType(arg.type))) return [arg.name, arg.name === 'tags' ? ['Olá'] : []];
              return [arg.name, isInputObjectType(getNamedType(arg.type)) ? (bodyOf(field.name, ours) ?? {}) : 'Olá'];
            }),
          );
          const selection = isObjectType(getNamedType(field.type)) ? ' { __typename }' : '';
          const text = `${kind} (${given.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ')}) { it: ${field.name}(${given.map(({ name }) => `${name}: $${name}`).join(', ')})${selection} }`;
          const { body } = await acme.admin.graphql(text, variables);
          const { data, errors } = body as { data?: { it: unknown } | null; errors?: { message: string; extensions: { code: string } }[] };
          // No place to go on from: the list is at its end.
          const ended = data?.it === null && field.name.endsWith('_next_cursor');
          const empty = ended || data?.it === 0 || (Array.isArray(data?.it) && data.it.length === 0);
          answers[`${field.name} ${foreign.name}`] = errors
            ? `${errors[0].extensions.code} ${errors[0].message}`
            : empty
              ? 'empty'
              : JSON.stringify(data);
        }
      }

    expect(Object.keys(answers).length).toBeGreaterThan(25);
    expect(Object.entries(answers).filter(([, answer]) => answer !== 'empty' && !answer.startsWith('NOT_FOUND '))).toEqual([]);
    expect(await everythingOf(globex)).toEqual(before);
  });
});

describe('nobody', () => {
  it('passes a closed route without a token, or with a broken one', async () => {
    const open: string[] = [];
    for (const route of routes.filter(({ operation }) => operation['x-role'] !== 'public')) {
      const missing = await call(w.guest, route, anyIds(route), {});
      const broken = await call(w.guest, route, anyIds(route), {}).set('Authorization', 'Bearer eyJhbGciOiJub25lIn0.e30.');
      for (const { status, body } of [missing, broken])
        if (status !== 401 || (body as { error_code?: string }).error_code !== 'not_authenticated') open.push(`${route.name}: ${status}`);
    }

    expect(open).toEqual([]);
  });

  it('needs a token for the public ones, and there are no others', async () => {
    const open = routes.filter(({ operation }) => operation['x-role'] === 'public').map(({ name }) => name);
    expect(open.sort()).toEqual(ROLES.public);

    for (const route of routes.filter(({ name, method }) => method === 'get' && open.includes(name))) {
      const { status } = await call(w.guest, route, {});
      expect({ route: route.name, closed: status === 401 }).toEqual({ route: route.name, closed: false });
    }
  });
});

/** The least role of every route, as its room says. */
const ROLES = Object.fromEntries(
  (['public', 'viewer', 'agent', 'org_admin', 'super_admin'] as const).map((role) => [
    role,
    ROOMS.flatMap(({ roles }) => roles[role] ?? []).sort(),
  ]),
);

/** What a viewer may change: their own account and nothing else. */
const OWN_ACCOUNT = [
  'DELETE /auth/sessions/{session_id}',
  'DELETE /notifications',
  'DELETE /notifications/{notification_id}',
  'POST /auth/2fa/disable',
  'POST /auth/2fa/enable',
  'POST /auth/2fa/setup',
  'POST /auth/logout',
  'POST /notifications/read-all',
  'POST /notifications/test',
  'POST /notifications/{notification_id}/read',
  'POST /privacy/data/{user_id}/export',
  'POST /users/{user_id}/change-password',
  'PUT /notifications/preferences',
  'PUT /users/me',
];

describe('roles', () => {
  it('are declared as this table says', () => {
    const declared = Object.fromEntries(
      Object.keys(ROLES).map((role) => [
        role,
        routes
          .filter(({ operation }) => operation['x-role'] === role)
          .map(({ name }) => name)
          .sort(),
      ]),
    );
    expect(declared).toEqual(ROLES);
  });

  it('let a viewer change nothing but their own account', () => {
    const writes = routes.filter(({ method, operation }) => method !== 'get' && operation['x-role'] === 'viewer').map(({ name }) => name);
    expect(writes.sort()).toEqual(OWN_ACCOUNT);
  });

  it.each(['viewer', 'agent', 'org_admin', 'super_admin'] as const)('%s: 403 above the role, never below it', async (name) => {
    // Somebody of their own company: what is allowed may take effect.
    const company = await w.organization('Initech');
    const person = await company.hire(name);
    const wrong: string[] = [];
    // Logging out comes last.
    const inOrder = [...routes].sort((a, b) => Number(a.path.endsWith('/logout')) - Number(b.path.endsWith('/logout')));
    for (const route of inOrder) {
      // The ids are nobody's, so not the caller's own.
      const least = route.operation['x-role-for-others'] ?? route.operation['x-role'];
      if (least === 'public') continue;
      const { status, body } = await call(person, route, anyIds(route), {});
      const { error_code } = body as { error_code?: string };
      const allowed = atLeast(Role[name], Role[least]);
      if (allowed ? status === 401 || status === 403 || status >= 500 : status !== 403 || error_code !== 'insufficient_role')
        wrong.push(`${route.name}: ${status} ${error_code}, least role ${least}`);
    }

    expect(wrong).toEqual([]);
  });

  it('come before ids and bodies: a viewer is refused whatever they send', async () => {
    for (const route of routes.filter(({ method, operation }) => method !== 'get' && !['viewer', 'public'].includes(operation['x-role']))) {
      const { status } = await call(acme.viewer, route, Object.fromEntries(pathIds(route).map((name) => [name, 'not-an-id'])), {
        wrong: [1],
      });
      expect({ route: route.name, status }).toEqual({ route: route.name, status: 403 });
    }
  });
});
