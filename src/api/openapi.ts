import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Role } from '#common/actor';
import type { Config, RateLimitClass } from '#config/config';
import { errorResponse, refusalsOf } from './openapi-answers';

type Schema = Record<string, unknown> & {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
};
type Answer = { description: string; headers?: Record<string, unknown>; content?: Record<string, { schema?: Schema }> };
type Operation = {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { in: string; name: string; schema?: Schema }[];
  requestBody?: unknown;
  responses: Record<string, Answer>;
  'x-role'?: `${Role}` | 'public';
  'x-rate-limit'?: RateLimitClass | 'none';
};

/** The OpenAPI document: what the plugin reads from the code, plus what holds for every route (errors, headers, examples). */
export function buildOpenApi(app: INestApplication, config: Config): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('PyTake')
    .setDescription(
      'Self-hosted, multi-tenant WhatsApp customer engagement. Sign in at `POST /api/v1/auth/login` and send the access token as a bearer token. ' +
        'Lists answer one envelope and take `skip`, `limit`, `page`, `search` and `sort`; errors have one shape.',
    )
    .setVersion('1')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addServer(config.public_base_url)
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, builder, {
    deepScanRoutes: true,
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '').replace(/^./, (c) => c.toLowerCase())}_${method}`,
  });
  const schemas = ((document.components ??= {}).schemas ??= {}) as Record<string, Schema>;
  schemas.ErrorResponse = ERROR_SCHEMA;
  document.components.headers = HEADERS;
  const ids = new Set<string>();
  for (const [path, item] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      describe(path, method, operation, config, schemas);
      // A route under a second path is the same operation; only its id says which path.
      const [id] = operation.operationId.split('[');
      operation.operationId = ids.has(id)
        ? `${id}_at_${path
            .replace(/^\/api\/v1\//, '')
            .match(/\w+/g)
            ?.join('_')}`
        : id;
      ids.add(operation.operationId);
    }
  for (const [name, schema] of Object.entries(schemas)) if (schema.example === undefined) schema.example = exampleOf(schema, schemas, name);
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item as Record<string, Operation>));
  document.tags = [...new Set(operations.flatMap(({ tags }) => tags ?? []))]
    .sort()
    .map((name) => ({ name, description: `${name[0].toUpperCase()}${name.slice(1)}.` }));
  return document;
}

function describe(path: string, method: string, operation: Operation, config: Config, schemas: Record<string, Schema>): void {
  const role = operation['x-role'];
  const open = role === 'public';
  const rate = (operation['x-rate-limit'] ??= 'general');
  operation.tags = operation.tags?.map((tag) => tag.toLowerCase());
  operation.security = open ? [] : [{ bearer: [] }];
  // OpenAPI has no Authorization parameter: a public route that reads the header takes the token when there is one.
  if (operation.parameters?.some(isAuthorization)) {
    operation.parameters = operation.parameters.filter((parameter) => !isAuthorization(parameter));
    operation.security = [{}, { bearer: [] }];
  }
  operation.description = [operation.description, `${open ? 'Public.' : `Role: ${role} or above.`} ${rateWords(rate, open, config)}`]
    .filter(Boolean)
    .join('\n\n');

  for (const status of refusalsOf(path, method, operation, schemas)) operation.responses[status] ??= errorResponse(status);
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

const isAuthorization = ({ in: place, name }: { in: string; name: string }): boolean =>
  place === 'header' && name.toLowerCase() === 'authorization';

function isList({ content }: Answer, schemas: Record<string, Schema>): boolean {
  const name = content?.['application/json']?.schema?.$ref?.split('/').pop() ?? '';
  return 'total_pages' in (schemas[name]?.properties ?? {});
}

function rateWords(rate: RateLimitClass | 'none', open: boolean, config: Config): string {
  if (rate === 'none') return 'Not rate limited.';
  const { limit, seconds } = config.rate_limits[rate];
  return `Rate limit \`${rate}\`: ${limit} in ${seconds} seconds per ${open ? 'IP address' : 'user'}.`;
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
    error_code: { type: 'string', description: 'A word machines may rely on.' },
  },
  example: {
    error: { code: 404, message: 'Contact not found', type: 'http_error' },
    detail: 'Contact not found',
    status_code: 404,
    error_code: 'not_found',
  },
};

const BY_NAME: Record<string, unknown> = {
  email: 'ana@padaria.example',
  full_name: 'Ana Souza',
  name: 'Ana Souza',
  organization_name: 'Padaria Central',
  password: 'pão-de-queijo-1',
  phone_number: '+5511987654321',
  whatsapp_id: '+5511987654321',
  phone: '+5511987654321',
  to: '+5511987654321',
  content: 'Olá! Seu pedido saiu para entrega.',
  message: 'Olá! Seu pedido saiu para entrega.',
  wa_id: '5511987654321',
  whatsapp_message_id: 'wamid.HBgNNTUxMTk4NzY1NDMyMRUCABIYFjNFQjBDRjA',
  access_token: 'eyJhbGciOiJIUzI1NiJ9.e30.x',
  refresh_token: 'eyJhbGciOiJIUzI1NiJ9.e30.y',
  slug: 'padaria-central',
  timezone: 'America/Sao_Paulo',
  language: 'pt_BR',
  currency: 'BRL',
  phone_number_id: '106540352242922',
  whatsapp_business_account_id: '102290129340398',
  app_secret: '5f2b8c1e9a7d4036',
  webhook_verify_token: 'padaria-verify-1',
  vertical: 'RETAIL',
};

/** An example made of the schema itself, so that no schema is without one and none goes stale. */
function exampleOf(schema: Schema, all: Record<string, Schema>, name = '', depth = 0): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.$ref) return depth > 4 ? undefined : exampleOf(all[schema.$ref.split('/').pop() ?? ''] ?? {}, all, name, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, all, name, depth + 1) as object));
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties)
        .map(([field, property]) => [field, exampleOf(property, all, field, depth + 1)])
        .filter(([, value]) => value !== undefined),
    );
  switch (schema.type) {
    case 'array':
      return depth > 4 ? [] : [exampleOf(schema.items ?? {}, all, name, depth + 1)].filter((item) => item !== undefined);
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'object':
      return {};
    case 'string':
      if (schema.format === 'date-time') return '2026-11-20T12:00:00.000Z';
      if (schema.format === 'uuid' || name === 'id' || name.endsWith('_id')) return BY_NAME[name] ?? '019aa1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
      if (name.endsWith('_url') || name === 'url' || schema.format === 'uri' || name === 'website') return 'https://padaria.example/';
      if (name.endsWith('_at')) return '2026-11-20T12:00:00.000Z';
      return BY_NAME[name] ?? 'text';
    default:
      return schema.nullable ? null : undefined;
  }
}
