/** What of an operation decides how it may be refused. */
interface Refusable {
  security?: unknown[];
  parameters?: { in: string; name: string; schema?: Shape }[];
  requestBody?: unknown;
  'x-role'?: string;
  'x-rate-limit'?: string;
}

interface Shape {
  $ref?: string;
  format?: string;
  properties?: Record<string, Shape>;
  items?: Shape;
  allOf?: Shape[];
  anyOf?: Shape[];
  oneOf?: Shape[];
}

const TEXTS: Record<string, string> = {
  400: 'The request could not be read.',
  401: 'The access token is missing, expired or revoked.',
  403: 'Your role, plan or organization does not allow this.',
  404: 'Not found, or of another organization.',
  409: 'The state of the resource forbids it, or it exists already.',
  410: 'It was there and is gone.',
  413: 'The body is too large.',
  415: 'The body is in an encoding that is not read; send UTF-8.',
  422: 'The input is not valid; `details` name the fields.',
  429: 'Too many requests; wait for `Retry-After` seconds.',
  502: 'The provider refused, or could not be reached.',
  503: 'A store is down for a moment; the request may be repeated after `Retry-After` seconds.',
};

/** The answer in the one error shape, as it is documented. */
export const errorResponse = (status: string): { description: string; content: Record<string, { schema: { $ref: string } }> } => ({
  description: TEXTS[status],
  content: { 'application/json': { schema: { $ref: '#/components/schemas/ErrorResponse' } } },
});

/** The refusals every operation of its kind may answer; what is one route's own its docblock says (`@throws {409}`). */
export function refusalsOf(path: string, method: string, operation: Refusable, schemas: Record<string, Shape>): string[] {
  const open = operation['x-role'] === 'public';
  const { requestBody, parameters = [] } = operation;
  const named = path.includes('{');
  const statuses: string[] = [];
  // Routes that are not counted are probes: they touch no store, or say themselves what is down.
  if (operation['x-rate-limit'] !== 'none') statuses.push('429', '503');
  if (!open) statuses.push('401', '403');
  if (named) statuses.push('400', '404');
  if (requestBody) statuses.push('400', '413', '415', '422');
  if (parameters.length) statuses.push('422');
  if (namesAnId(bodyOf(requestBody), schemas)) statuses.push('404');
  if (method !== 'get' && !open) statuses.push('409');
  return statuses;
}

function bodyOf(requestBody: unknown): Shape[] {
  const { content = {} } = (requestBody ?? {}) as { content?: Record<string, { schema?: Shape }> };
  return Object.values(content).flatMap(({ schema }) => schema ?? []);
}

/** True when an id of ours stands anywhere in it: one that is unknown, or another organization's, is 404. */
function namesAnId(shapes: Shape[], schemas: Record<string, Shape>, seen = new Set<Shape>()): boolean {
  return shapes.some((shape) => {
    if (seen.has(shape)) return false;
    seen.add(shape);
    if (shape.format === 'uuid') return true;
    const inner = [
      shape.items,
      ...Object.values(shape.properties ?? {}),
      ...(shape.allOf ?? []),
      ...(shape.anyOf ?? []),
      ...(shape.oneOf ?? []),
    ];
    const named = shape.$ref ? schemas[shape.$ref.split('/').pop() ?? ''] : undefined;
    return namesAnId(
      [...inner, named].filter((one) => one !== undefined),
      schemas,
      seen,
    );
  });
}
