import { isObject } from '../json';
import { badRequest } from './evolution-error';

/** The part of JSON Schema that Evolution's `validate/*.schema.ts` use. */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: RegExp;
  /** Said in place of the library's own words. */
  description?: string;
}

/** @throws {EvolutionError} 400 with the list of all that is wrong, in the words of the `jsonschema` package. */
export function validate(body: unknown, schema: Schema): void {
  const wrong = faultsOf(body ?? {}, schema, 'instance');
  if (wrong.length) throw badRequest(wrong.map((text) => text.replace('instance.', '')));
}

function faultsOf(value: unknown, schema: Schema, path: string): string[] {
  const wrong: string[] = [];
  const fault = (text: string): void => void wrong.push(schema.description ?? `${path} ${text}`);
  if (schema.type && !isOfType(value, schema.type)) fault(`is not of a type(s) ${schema.type}`);
  if (schema.enum && !schema.enum.includes(value)) fault(`is not one of enum values: ${schema.enum.join(',')}`);
  if (typeof value === 'string') {
    if (schema.minLength !== undefined && value.length < schema.minLength) fault(`does not meet minimum length of ${schema.minLength}`);
    if (schema.pattern && !schema.pattern.test(value)) fault(`does not match pattern "${schema.pattern.source}"`);
  }
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) fault(`must be greater than or equal to ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum) fault(`must be less than or equal to ${schema.maximum}`);
  }
  if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems) fault(`does not meet minimum length of ${schema.minItems}`);
    if (schema.maxItems !== undefined && value.length > schema.maxItems) fault(`does not meet maximum length of ${schema.maxItems}`);
    if (schema.uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) fault('contains duplicate item');
    const { items } = schema;
    if (items) value.forEach((item, index) => wrong.push(...faultsOf(item, items, `${path}[${index}]`)));
  }
  if (isObject(value)) {
    for (const key of schema.required ?? []) if (value[key] === undefined) fault(`requires property "${key}"`);
    for (const [key, property] of Object.entries(schema.properties ?? {}))
      if (value[key] !== undefined) wrong.push(...faultsOf(value[key], property, `${path}.${key}`));
  }
  return wrong;
}

function isOfType(value: unknown, type: NonNullable<Schema['type']>): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
