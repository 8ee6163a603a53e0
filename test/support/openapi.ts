import type { NestExpressApplication } from '@nestjs/platform-express';
import type { OpenAPIObject } from '@nestjs/swagger';
import { buildOpenApi } from '#api/openapi';
import type { Role } from '#common/actor';
import { Config } from '#config/config';
import type { World } from './world';

export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  example?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

/** What specs read of an operation. */
export interface Operation {
  operationId: string;
  summary?: string;
  tags: string[];
  parameters?: { in: 'path' | 'query' | 'header'; name: string; required?: boolean; example?: unknown; schema?: Schema }[];
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema; examples?: Record<string, { value: object }> }> };
  responses: Record<
    string,
    {
      description?: string;
      content?: Record<string, { schema?: Schema }>;
      headers?: Record<string, unknown>;
      'x-error-codes'?: string[];
    }
  >;
  'x-alias-of'?: string;
  'x-role': `${Role}` | 'public';
  /** The least role for ids that are not the caller's own. */
  'x-role-for-others'?: `${Role}`;
  'x-rate-limit': string;
}

/** One route of the document: what a sweep goes through. */
export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As documented, with {names}. */
  path: string;
  operation: Operation;
  /** `GET /contacts/{contact_id}`, without the prefix. */
  name: string;
}

export const openApiOf = (app: NestExpressApplication, env: World['env']): OpenAPIObject => buildOpenApi(app, new Config(env));

export const routesOf = ({ paths }: OpenAPIObject): Route[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as unknown as Record<Route['method'], Operation>).map(([method, operation]) => ({
      method: method as Route['method'],
      path,
      operation,
      name: `${method.toUpperCase()} ${path.replace('/api/v1', '')}`,
    })),
  );

/** Every property of a schema with the way to it: `template.template_id`, `buttons.0.id`. */
export function propertiesOf(schema: Schema | undefined, document: OpenAPIObject): { way: string[]; schema: Schema }[] {
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  const found: { way: string[]; schema: Schema }[] = [];
  const walk = (part: Schema | undefined, way: string[], within: string[]): void => {
    if (!part) return;
    const name = part.$ref?.split('/').pop();
    if (name) return within.includes(name) ? undefined : walk(schemas[name], way, [...within, name]);
    for (const branch of [...(part.allOf ?? []), ...(part.anyOf ?? []), ...(part.oneOf ?? [])]) walk(branch, way, within);
    walk(part.items, [...way, '0'], within);
    for (const [field, property] of Object.entries(part.properties ?? {})) {
      found.push({ way: [...way, field], schema: property });
      walk(property, [...way, field], within);
    }
  };
  walk(schema, [], []);
  return found;
}
