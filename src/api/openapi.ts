import type { INestApplication, Type } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Role } from '#common/actor';
import { BODIES, roomTags } from '#common/room';
import type { Config } from '#config/config';
import type { RateLimitClass } from '#config/rate-classes';
import { VERSION } from '#config/version';
import { errorResponse, refusalsOf } from './openapi-answers';
import { errorTable, nameErrors, notFoundText } from './openapi-errors';
import { beExact } from './openapi-exact';
import { giveExamples } from './openapi-examples';
import { type Answer, type Body, type Parameter, type Schema, type Schemas, nameOf } from './openapi-types';

type Operation = {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: Body;
  responses: Record<string, Answer>;
  'x-role'?: `${Role}` | 'public';
  /** The least role for an id that is not the caller's own. */
  'x-role-for-others'?: `${Role}`;
  'x-people-only'?: boolean;
  'x-rate-limit'?: RateLimitClass | 'none';
  /** The operation whose second path this is. */
  'x-alias-of'?: string;
  [BODIES]?: Record<string, object>;
};

/** `ContactsController.updateMe` → `contacts_update_me`; a list's `page` is said `list`. */
const operationId = (controller: string, method: string): string => {
  // A route of several paths is numbered.
  const [verb] = method.split('[');
  return `${controller.replace(/Controller$/, '')}_${verb === 'page' ? 'list' : verb}`
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase();
};

/** The OpenAPI document: what the plugin reads from the code, plus what holds for every route (errors, headers, examples). `models` are described too. */
export function buildOpenApi(app: INestApplication, config: Config, models: Type<object>[] = []): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('PyTake')
    .setDescription(
      'Self-hosted, multi-tenant WhatsApp customer engagement. Sign in at `POST /api/v1/auth/login` and send the access token as a bearer token; programs ' +
        'send an API key (`POST /api/v1/api-keys`) in its place, or as `X-API-Key`, and are counted in a rate class of their own, `api_key`. ' +
        'Lists answer one envelope and take `limit`, `search`, `sort`, and `cursor` (the `next_cursor` of the page before), `page` or `skip`; errors have one shape: ' +
        '[every error code with cause and remedy](/api/v1/errors). What happens is told at once over sockets: ' +
        '[events and commands](/api/v1/realtime). The examples name rows of the demo organization.',
    )
    .setVersion(VERSION)
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer(config.public_base_url)
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key' }, 'api_key')
    .build();
  const document = SwaggerModule.createDocument(app, builder, {
    deepScanRoutes: true,
    operationIdFactory: operationId,
    extraModels: models,
  });
  const schemas = ((document.components ??= {}).schemas ??= {}) as Schemas;
  schemas.ErrorResponse = ERROR_SCHEMA;
  document.components.headers = HEADERS;
  const routes = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item as unknown as Record<string, Operation>).map(([method, operation]) => ({ path, method, operation })),
  );
  const operations = routes.map(({ operation }) => operation);
  const parameters = operations.flatMap(({ parameters: own }) => own ?? []);
  const paths = new Map<string, number>();
  for (const { path, method, operation } of routes) {
    describe(path, method, operation, config, schemas);
    // A route under a second path is the same operation.
    const id = operation.operationId;
    const count = (paths.get(id) ?? 0) + 1;
    paths.set(id, count);
    if (count > 1) operation['x-alias-of'] = id;
    operation.operationId = count === 1 ? id : count === 2 ? `${id}_alias` : `${id}_alias_${count - 1}`;
  }
  beExact(schemas, parameters);
  giveExamples(
    schemas,
    operations.flatMap(({ requestBody }) => requestBody ?? []),
    parameters,
  );
  document.tags = roomTags();
  return Object.assign(document, { 'x-error-codes': errorTable() });
}

function describe(path: string, method: string, operation: Operation, config: Config, schemas: Schemas): void {
  const role = operation['x-role'];
  const open = role === 'public';
  const rate = (operation['x-rate-limit'] ??= 'general');
  const people_only = !open && operation['x-people-only'] === true;
  operation.security = open ? [] : people_only ? [{ bearer: [] }] : [{ bearer: [] }, { api_key: [] }];
  // OpenAPI has no Authorization parameter: a public route that reads the header takes the token when there is one.
  if (operation.parameters?.some(isAuthorization)) {
    operation.parameters = operation.parameters.filter((parameter) => !isAuthorization(parameter));
    operation.security = [{}, { bearer: [] }];
  }
  const others = operation['x-role-for-others'];
  const least = open ? 'Public.' : others ? `For yourself; for others: ${others} or above.` : `Role: ${role} or above.`;
  operation.description = [operation.description, `${least}${people_only ? ' Not for API keys.' : ''} ${rateWords(rate, open, config)}`]
    .filter(Boolean)
    .join('\n\n');

  if (operation.requestBody) describeBody(operation, operation.requestBody);

  for (const status of refusalsOf(path, method, operation, schemas)) operation.responses[status] ??= errorResponse(status);
  const missing = operation.responses['404'];
  if (missing?.description === errorResponse('404').description) missing.description = notFoundText(operation.parameters ?? []);
  nameErrors(operation, open);
  for (const [status, response] of Object.entries(operation.responses)) {
    response.description ||= 'Success.';
    if (Number(status) >= 400) response.content ??= errorResponse(status).content;
    // 401 comes before the count.
    const names = ['X-Request-ID', ...(rate === 'none' || status === '401' ? [] : RATE_HEADERS)];
    if (status === '429' || status === '503') names.push('Retry-After');
    if (status === '200' && isList(response, schemas)) names.push('X-Total-Count');
    response.headers = {
      ...Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
      ...response.headers,
    };
  }
}

/** The bodies written beside the route, and whether one must be sent at all. */
function describeBody(operation: Operation, body: Body): void {
  const bodies = operation[BODIES];
  delete operation[BODIES];
  // What works empty works without.
  if (bodies && Object.values(bodies).some((example) => !Object.keys(example).length)) body.required = false;
  const content = body.content['application/json'];
  if (content && bodies)
    content.examples = Object.fromEntries(
      Object.entries(bodies).map(([summary, value]) => [summary.replaceAll(' ', '_'), { summary, value }]),
    );
}

const isAuthorization = ({ in: place, name }: { in: string; name: string }): boolean =>
  place === 'header' && name.toLowerCase() === 'authorization';

function isList({ content }: Answer, schemas: Schemas): boolean {
  const name = nameOf(content?.['application/json']?.schema?.$ref ?? '');
  return 'total_pages' in (schemas[name]?.properties ?? {});
}

function rateWords(rate: RateLimitClass | 'none', open: boolean, config: Config): string {
  if (rate === 'none') return 'Not rate limited.';
  const { limit, seconds } = config.rate_limits[rate];
  const words = `Rate limit \`${rate}\`: ${limit} in ${seconds} seconds per ${open ? 'IP address' : 'user'}`;
  if (rate !== 'auth_recovery') return `${words}.`;
  const all = config.rate_limits.auth_recovery_address;
  return `${words} and e-mail; ${all.limit} in ${all.seconds} seconds per IP address, whatever the e-mails.`;
}

const RATE_HEADERS = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];

const HEADERS: Record<string, { description: string; schema: { type: 'string' | 'integer' } }> = {
  'X-Request-ID': { description: 'The id of the request: yours when you sent one of at most 64 characters.', schema: { type: 'string' } },
  'X-Total-Count': { description: 'How many items the whole list has; `total` of the body.', schema: { type: 'integer' } },
  'X-RateLimit-Limit': { description: 'Requests the window allows.', schema: { type: 'integer' } },
  'X-RateLimit-Remaining': { description: 'Requests left in the window.', schema: { type: 'integer' } },
  'X-RateLimit-Reset': { description: 'When the window ends, in unix seconds.', schema: { type: 'integer' } },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
};

const ERROR_SCHEMA: Schema = {
  type: 'object',
  description: 'The one error shape of every door.',
  required: ['error', 'detail', 'status_code', 'error_code'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'type'],
      properties: {
        code: { type: 'integer' },
        message: { type: 'string' },
        type: { type: 'string', enum: ['validation_error', 'rate_limit_error', 'internal_error', 'http_error'] },
        details: {
          type: 'array',
          items: { type: 'object', properties: { loc: { type: 'array', items: {} }, msg: { type: 'string' }, type: { type: 'string' } } },
        },
      },
    },
    detail: { description: 'The message; for 422 the details.' },
    status_code: { type: 'integer' },
    error_code: { type: 'string', description: 'A word machines may rely on: [the table of all](/api/v1/errors).' },
  },
  example: {
    error: { code: 404, message: 'Contact not found', type: 'http_error' },
    detail: 'Contact not found',
    status_code: 404,
    error_code: 'not_found',
  },
};
