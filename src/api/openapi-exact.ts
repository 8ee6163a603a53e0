import type { Parameter, Schema, Schemas } from './openapi-types';

/**
 * What the compiler's plugin cannot see in a type and a generated client wants to know: which texts are ids of ours, which numbers are whole.
 * A number is whole unless its field says `format: 'double'`. A text named `id` or `…_id` is a UUID unless its field has a length, a pattern or
 * a format of its own: the ids other systems give all have one of these.
 */
export function beExact(schemas: Schemas, parameters: readonly Parameter[]): void {
  for (const schema of Object.values(schemas)) exact(schema);
  for (const { name, schema } of parameters) if (schema) exact(schema, name);
}

function exact(schema: Schema, name = ''): void {
  if (schema.type === 'number' && schema.format !== 'double') schema.type = 'integer';
  if (schema.type === 'string' && /(^|_)ids?$/.test(name) && !OWN.some((word) => word in schema)) schema.format = 'uuid';
  if (schema.items) exact(schema.items, name);
  for (const part of [...(schema.allOf ?? []), ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) exact(part);
  for (const [field, property] of Object.entries(schema.properties ?? {})) exact(property, field);
}

const OWN = ['format', 'pattern', 'minLength', 'maxLength', 'enum'];
