import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import request from 'supertest';
import { errorCatalogue } from '#common/error-codes';
import { socketCatalogue } from '#realtime/realtime.events';
import { type Route, openApiOf, propertiesOf, routesOf } from './support/openapi';
import { type World, world } from './support/world';

let house: World;
beforeAll(async () => {
  house = await world();
});

let made: ReturnType<typeof openApiOf> | undefined;
const document = (): ReturnType<typeof openApiOf> => (made ??= openApiOf(house.app, house.env));
const routes = (): Route[] => routesOf(document());

/** Paths of operations that have another one. */
const SECOND_PATHS = [/whatsapp-configs/, /^\/api\/v1\/whatsapp\/numbers$/, /^\/api\/v1\/tenants/, /\/reactivate$/];
/** What organizations have at `/tenants` alone. */
const OWN_AT_TENANTS = ['tenants_update', 'tenants_upgrade'];

describe('the OpenAPI document', () => {
  it('has the version of the product, and a text for each of its rooms', () => {
    const { info, tags = [] } = document();
    const used = new Set(routes().flatMap(({ operation }) => operation.tags));

    const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };
    expect(info.version).toBe(version);
    expect(tags.map(({ name }) => name)).toEqual([...used].sort());
    expect(tags.filter(({ description }) => !description || description.length < 20)).toEqual([]);
  });

  it('names every operation `noun_verb`, and says of an alias whose it is', () => {
    const ids = routes().map(({ operation }) => operation.operationId);

    expect(ids.filter((id) => !/^[a-z]+(_[a-z\d]+)+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['conversations_close', 'contacts_list', 'users_update_me']));
    for (const { path, operation } of routes()) {
      const alias = operation['x-alias-of'];
      const second = SECOND_PATHS.some((pattern) => pattern.test(path)) && !OWN_AT_TENANTS.includes(operation.operationId);
      expect({ path, alias: alias !== undefined }).toEqual({ path, alias: second });
      if (alias) expect(ids).toContain(alias);
      expect(operation).not.toHaveProperty('deprecated');
    }
  });

  it('says UUID of every id of ours, and whole of every number that is', () => {
    const all = document();
    const schemas = Object.entries((all.components?.schemas ?? {}) as Record<string, Parameters<typeof propertiesOf>[0]>);
    const fields = schemas.flatMap(([name, schema]) =>
      propertiesOf(schema, all).map((field) => ({ ...field, name: `${name}.${field.way.join('.')}` })),
    );
    const plain = fields
      .filter(({ way, schema }) => schema.type === 'string' && /(^|_)id$/.test(way.at(-1) ?? '') && schema.format !== 'uuid')
      .map(({ way }) => way.at(-1));
    const measured = fields.filter(({ schema }) => schema.type === 'number').map(({ way }) => way.at(-1));

    expect([...new Set(plain)].sort()).toEqual(OTHERS_IDS);
    expect([...new Set(measured)].sort()).toEqual(MEASURED);
    for (const { path, operation } of routes())
      for (const { in: place, name, schema } of operation.parameters ?? [])
        if (place === 'path' && !['template_id', 'slug', 'event_slug'].includes(name))
          expect({ path, format: schema?.format }).toEqual({ path, format: 'uuid' });
  });

  it('marks the bodies one may leave out', () => {
    const optional = routes()
      .filter(({ operation }) => operation.requestBody && !operation.requestBody.required && !operation['x-alias-of'])
      .map(({ operation }) => operation.operationId);

    expect(optional).toEqual([
      'all_organizations_suspend',
      'notifications_test',
      'auth_logout',
      'api_keys_rotate',
      'secrets_rotate',
      'secrets_test',
      'contacts_block',
      'rate_limits_reset',
      'conversations_close',
      'webhooks_test',
      'privacy_export',
      'privacy_anonymize',
    ]);
  });

  it('shows files, reactions and template parts as what they are', () => {
    const { MessageResponse, TemplateResponse, TemplateValuesInput } = (document().components?.schemas ?? {}) as Record<
      string,
      { properties: Record<string, unknown> }
    >;

    expect(JSON.stringify(MessageResponse.properties.media)).toContain('#/components/schemas/MessageMedia');
    expect(JSON.stringify(MessageResponse.properties.reactions)).toContain('#/components/schemas/MessageReaction');
    expect(JSON.stringify(TemplateResponse.properties.components)).toContain('#/components/schemas/TemplateComponent');
    expect(JSON.stringify(TemplateValuesInput.properties.components)).toContain('#/components/schemas/TemplateValues');
  });
});

describe('each name of a schema', () => {
  it('is of one class alone: whoever tests a number is not answered as who tests a database', () => {
    const answered = (path: string): string => {
      const { operation } = routes().find((route) => route.path === `/api/v1${path}`) ?? {};
      return JSON.stringify(operation?.responses['200']?.content);
    };

    expect(answered('/whatsapp/{number_id}/test')).toContain('#/components/schemas/ConnectionTestResult');
    expect(answered('/database/test-connection')).toContain('#/components/schemas/DatabaseConnectionTestResult');
    expect(document().components?.schemas?.['ConnectionTestResult']).toMatchObject({ properties: { quality_rating: {} } });
  });
});

/** Ids that other systems give, or that are not ids of rows. */
/** What is measured or averaged, and so has decimals. */
const MEASURED = [
  'average_response_time_hours',
  'avg_resolution_time_hours',
  'avg_resolution_time_minutes',
  'avg_response_time_minutes',
  'consent_compliance',
  'data_retention_compliance',
  'duration_ms',
  'latitude',
  'longitude',
  'min_delay_seconds',
  'overall_score',
  'percentage',
  'progress',
  'response_time_ms',
  'rights_fulfillment_rate',
  'success_rate',
  'waited_minutes',
];

const OTHERS_IDS = [
  'encryption_key_id',
  'id',
  'key_id',
  'meta_template_id',
  'new_key_id',
  'parent_id',
  'phone_number_id',
  'portfolio_id',
  'request_id',
  'span_id',
  'template_id',
  'trace_id',
  'wa_id',
  'whatsapp_business_account_id',
  'whatsapp_id',
  'whatsapp_message_id',
  'whatsapp_user_id',
];

describe('error codes', () => {
  it('are named by the routes that answer them, each under its own status', () => {
    const meanings = new Map(errorCatalogue());
    const named = new Set<string>();
    for (const { name, operation } of routes())
      for (const [status, { description, ...response }] of Object.entries(operation.responses)) {
        const codes = response['x-error-codes'] ?? [];
        codes.forEach((code) => named.add(code));
        // What a comment puts between backticks is a code, and is one of this status.
        const [comment] = (description ?? '').split('\n\nCodes:');
        const said = Number(status) >= 400 ? [...comment.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, word]) => word) : [];
        expect({ name, status, said: said.filter((word) => !codes.includes(word)) }).toEqual({ name, status, said: [] });
      }

    const silent = [...meanings].filter(([code, { by }]) => !by && !named.has(code)).map(([code]) => code);
    expect(silent).toEqual([]);
  });

  it('say a cause and a remedy, in the document and on a page', async () => {
    const table = (document() as unknown as { 'x-error-codes': { error_code: string; cause: string; remedy: string }[] })['x-error-codes'];
    const { text } = await request(house.base_url).get('/api/v1/errors').expect(200).expect('Content-Type', /html/);

    expect(table.map(({ error_code }) => error_code)).toEqual(errorCatalogue().map(([code]) => code));
    for (const { error_code, cause, remedy } of table) {
      expect(cause.length).toBeGreaterThan(10);
      expect(remedy.length).toBeGreaterThan(5);
      expect(text).toContain(`<code id="${error_code}">`);
    }
  });

  it('are told without regular expressions', async () => {
    const refused = await Promise.all([
      house.acme.admin.get('/conversations?status=x&assigned_to=y'),
      house.acme.admin.get('/whatsapp/messages?status=1'),
      house.acme.admin.post('/whatsapp', {
        phone_number: '+5511987654321',
        phone_number_id: 'x',
        waba_id: 'y',
        business_profile: { vertical: 'z' },
      }),
    ]);

    for (const { status, text } of refused) {
      expect(status).toBe(422);
      expect(text).not.toMatch(/regular expression|\^\(/);
    }
    const { text } = await house.acme.admin.graphql('{ conversations(status: "x") { id } }');
    expect(text).toContain('status must be open, pending');
  });

  it('of a locked login are named wherever a password is asked for', () => {
    const locked = routes().filter(({ operation }) => operation.responses['403']?.['x-error-codes']?.includes('account_locked'));
    expect(locked.map(({ name }) => name).sort()).toEqual([
      'POST /auth/2fa/disable',
      'POST /auth/2fa/setup',
      'POST /auth/2fa/verify',
      'POST /auth/login',
      'POST /users/{user_id}/change-password',
      'PUT /users/me',
      'PUT /users/{user_id}',
    ]);
  });
});

describe('the AsyncAPI document', () => {
  it('is what the parser takes without a word', async () => {
    const { text } = await request(house.base_url).get('/api/v1/asyncapi.json').expect(200);
    const { document: parsed, diagnostics } = await new Parser().parse(text);

    expect(diagnostics.filter(({ severity }) => severity <= 1).map(({ message, path }) => `${path.join('.')}: ${message}`)).toEqual([]);
    expect(parsed?.version()).toBe('3.0.0');
    expect(
      parsed
        ?.channels()
        .all()
        .map((channel) => channel.address()),
    ).toEqual(['/socket.io', '/ws', '/ws/conversations']);
  });

  it('has every event there is, with an example of every field, on both kinds of sockets and on the page', async () => {
    const { body } = await request(house.base_url).get('/api/v1/asyncapi.json').expect(200);
    const { text } = await request(house.base_url).get('/api/v1/realtime').expect(200).expect('Content-Type', /html/);
    const { messages, schemas } = (
      body as { components: { messages: Record<string, Message>; schemas: Record<string, { required?: string[] }> } }
    ).components;

    expect(socketCatalogue().length).toBeGreaterThanOrEqual(16);
    for (const [name] of socketCatalogue()) {
      const message = messages[`socketio_event_${name.replace(':', '_')}`];
      const schema = schemas[message.payload.$ref?.split('/').pop() ?? ''];
      expect(message.name).toBe(name);
      expect(Object.keys(message.examples[0].payload)).toEqual(expect.arrayContaining(schema.required ?? []));
      expect(messages[`ws_event_${name.replace(':', '_')}`].name).toBe(name);
      expect(text).toContain(`<code>${name}</code>`);
    }
  });
});

interface Message {
  name: string;
  payload: { $ref?: string };
  examples: { payload: object }[];
}
