import { demoIds } from '#common/room';
import { type Body, type Parameter, type Schema, type Schemas, nameOf } from './openapi-types';

/** What answers are shown with, by field. Bodies are written by hand beside their route (`@Bodies`). */
const BY_NAME: Record<string, unknown> = {
  email: 'ana@padaria.example',
  full_name: 'Ana Souza',
  name: 'Ana Souza',
  display_name: 'Ana Souza',
  phone_number: '+5511987654321',
  whatsapp_id: '+5511987654321',
  phone: '+5511987654321',
  content: 'Olá! Seu pedido saiu para entrega.',
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
  emoji: '👍',
  mime_type: 'image/jpeg',
  media_type: 'image/jpeg',
  filename: 'bolo.jpg',
  kind: 'phone',
  value: '5511987654321',
  channel: 'whatsapp',
  source: 'whatsapp',
  role: 'agent',
  category: 'UTILITY',
  body_text: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.',
  environment: 'production',
  version: '1.0.0',
};

const SOME_ID = '019aa000-0000-7000-8000-000000000001';
const SOME_TIME = '2026-11-20T12:00:00.000Z';

/** Every schema gets an example: of a body its first one, of an answer one made of the schema itself, so that none goes stale. */
export function giveExamples(schemas: Schemas, bodies: readonly Body[], parameters: readonly Parameter[]): void {
  const ids = demoIds();
  for (const { content } of bodies)
    for (const { schema, examples } of Object.values(content)) {
      const named = schema?.$ref && schemas[nameOf(schema.$ref)];
      if (named && examples) named.example ??= Object.values(examples)[0]?.value;
    }
  for (const [name, schema] of Object.entries(schemas)) schema.example ??= exampleOf(schema, schemas, ids, name);
  for (const parameter of parameters) if (parameter.in === 'path') parameter.example ??= parameter.schema?.example ?? ids[parameter.name];
}

export function exampleOf(schema: Schema, all: Schemas, ids = demoIds(), name = '', depth = 0): unknown {
  const inner = (part: Schema, field = name): unknown => exampleOf(part, all, ids, field, depth + 1);
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  // The rest of a thing within a thing within a thing says nothing more.
  if (schema.$ref) return depth > 4 ? undefined : inner(all[nameOf(schema.$ref)] ?? {}, nameOf(schema.$ref));
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => inner(part) as object));
  if (schema.oneOf) return inner(schema.oneOf[0]);
  if (Array.isArray(schema.enum))
    return BY_NAME[name] !== undefined && schema.enum.includes(BY_NAME[name]) ? BY_NAME[name] : schema.enum[0];
  if (schema.properties)
    return Object.fromEntries(
      Object.entries(schema.properties)
        .map(([field, property]) => [field, inner(property, field === 'id' ? `${snake(name)}_id` : field)])
        .filter(([, value]) => value !== undefined),
    );
  switch (schema.type) {
    case 'array':
      return depth > 4 ? [] : [inner(schema.items ?? {})].filter((item) => item !== undefined);
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return !name.startsWith('is_') || name === 'is_active';
    case 'object':
      return {};
    case 'string':
      return textOf(schema, name, ids);
    default:
      return schema.nullable ? null : undefined;
  }
}

function textOf(schema: Schema, name: string, ids: Record<string, string>): unknown {
  if (schema.format === 'date-time') return SOME_TIME;
  if (schema.format === 'uuid') return ids[name] ?? (schema.nullable ? null : SOME_ID);
  const known = BY_NAME[name];
  if (known !== undefined) return known;
  if (schema.nullable) return null;
  return schema.format === 'uri' || name.endsWith('_url') ? 'https://padaria.example/' : 'text';
}

/** `MessageResponse` → `message`, as in `message_id`. */
const snake = (name: string): string =>
  name
    .replace(/(Response|View|Profile)$/, '')
    .replace('WhatsApp', 'Whatsapp')
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase();
