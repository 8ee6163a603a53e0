/** The parts of an OpenAPI 3.0 document that we touch. */
export type Schema = Record<string, unknown> & {
  $ref?: string;
  type?: string;
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
};
export type Schemas = Record<string, Schema>;
export type Answer = {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema?: Schema }>;
  'x-error-codes'?: string[];
};
export type Parameter = { in: string; name: string; description?: string; example?: unknown; schema?: Schema };
export type Body = {
  required?: boolean;
  content: Record<string, { schema?: Schema; examples?: Record<string, { summary: string; value: object }> }>;
};

export const nameOf = ($ref: string): string => $ref.split('/').pop() ?? '';
