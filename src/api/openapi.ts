import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Config } from '#config/config';

type Schema = Record<string, unknown> & {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
};
type Operation = {
  operationId?: string;
  summary?: string;
  description?: string;
  security?: unknown[];
  parameters?: { in: string; name: string; schema?: Schema }[];
  requestBody?: unknown;
  responses: Record<string, unknown>;
  'x-role'?: string;
  'x-rate-limit'?: string;
};

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const ERROR_TEXTS: Record<string, string> = {
  400: 'The body could not be read.',
  401: 'The access token is missing, expired or revoked.',
  403: 'Your role, plan or organization does not allow this.',
  404: 'Not found, or of another organization.',
  409: 'The state of the resource forbids it, or it exists already.',
  422: 'The input is not valid; `details` name the fields.',
  429: 'Too many requests; wait for `Retry-After` seconds.',
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
  const document = SwaggerModule.createDocument(app, builder, { deepScanRoutes: true });
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  schemas.ErrorResponse = ERROR_SCHEMA;
  for (const [path, item] of Object.entries(document.paths))
    for (const method of METHODS) {
      const operation = (item as Record<string, unknown>)[method] as Operation | undefined;
      if (operation) describe(path, method, operation);
    }
  for (const [name, schema] of Object.entries(schemas)) if (schema.example === undefined) schema.example = exampleOf(schema, schemas, name);
  document.tags = [
    ...new Set(
      Object.values(document.paths).flatMap((item) =>
        Object.values(item as Record<string, { tags?: string[] }>).flatMap((o) => o.tags ?? []),
      ),
    ),
  ]
    .sort()
    .map((name) => ({ name, description: `${name[0].toUpperCase()}${name.slice(1)}.` }));
  return document;
}

function describe(path: string, method: string, operation: Operation): void {
  const open = Array.isArray(operation.security) && operation.security.length === 0;
  const errors = ['429'];
  if (!open) errors.push('401', '403');
  if (path.includes('{')) errors.push('404');
  if (operation.requestBody) errors.push('400', '422');
  else if (operation.parameters?.length) errors.push('422');
  if (method !== 'get') errors.push('409');
  for (const status of errors) operation.responses[status] ??= errorResponse(status);
}

const errorResponse = (status: string): unknown => ({
  description: ERROR_TEXTS[status],
  content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorResponse' } } },
});

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
      if (name.endsWith('_url') || name === 'url' || name === 'website') return 'https://padaria.example/';
      if (name.endsWith('_at')) return '2026-11-20T12:00:00.000Z';
      return BY_NAME[name] ?? 'text';
    default:
      return schema.nullable ? null : undefined;
  }
}
