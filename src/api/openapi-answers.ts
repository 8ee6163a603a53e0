import { type Body, type Parameter, type Schema, type Schemas, nameOf } from './openapi-types';

/** What of an operation decides how it may be refused. */
interface Refusable {
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: Body;
  'x-role'?: string;
  'x-rate-limit'?: string;
}

const TEXTS: Record<string, string> = {
  400: 'The request could not be read.',
  401: 'The access token is missing, expired or revoked.',
  403: 'Your role, plan or organization does not allow this.',
  404: 'Not found, or of another organization.',
  408: 'The body did not arrive in time.',
  409: 'The state of the resource forbids it, or it exists already.',
  410: 'It was there and is gone.',
  413: 'The body is too large.',
  415: 'The body is not JSON by its header, compressed, or in an encoding that is not read.',
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
export function refusalsOf(path: string, method: string, operation: Refusable, schemas: Schemas): string[] {
  const open = operation['x-role'] === 'public';
  const { requestBody, parameters = [] } = operation;
  const named = path.includes('{');
  const statuses: string[] = [];
  // Routes that are not counted are probes: they touch no store, or say themselves what is down.
  if (operation['x-rate-limit'] !== 'none') statuses.push('429', '503');
  if (!open) statuses.push('401', '403');
  if (named) statuses.push('400', '404');
  if (requestBody) statuses.push('400', '408', '413', '415', '422');
  if (parameters.length) statuses.push('422');
  const bodies = Object.values(requestBody?.content ?? {}).map(({ schema }) => schema);
  if (namesAnId(bodies, schemas)) statuses.push('404');
  if (method !== 'get' && !open) statuses.push('409');
  return statuses;
}

/** True when an id of ours stands anywhere in them: one that is unknown, or another organization's, is 404. */
function namesAnId(parts: readonly (Schema | undefined)[], all: Schemas, seen = new Set<Schema>()): boolean {
  return parts.some((part) => {
    if (!part || seen.has(part)) return false;
    seen.add(part);
    if (part.format === 'uuid') return true;
    const { $ref, items, properties = {}, allOf = [], anyOf = [], oneOf = [] } = part;
    return namesAnId([$ref ? all[nameOf($ref)] : undefined, items, ...Object.values(properties), ...allOf, ...anyOf, ...oneOf], all, seen);
  });
}
