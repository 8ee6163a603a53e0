import { type Span, SpanStatusCode, context } from '@opentelemetry/api';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { Actor } from '#common/actor';
import { newId } from '#common/uuid';
import type { Metrics } from './metrics';
import type { Traced, Tracing } from './tracing';

/** One answered request, as the log line and the request log of MongoDB tell it. */
export interface RequestEntry {
  method: string;
  /** The route's template; `unmatched` when no route took the request. */
  route: string;
  status_code: number;
  response_time_ms: number;
  request_id: string;
  organization_id: string | null;
  user_id: string | null;
  ip: string | null;
  user_agent: string | null;
}

/** What guards leave on the request; the type is theirs (`#access/request`), above this floor. */
export interface KnownRequest extends Request {
  request_id?: string;
  actor?: Actor;
}

export interface RequestLogOptions {
  logger: Logger;
  metrics: Metrics;
  /** Absent: no request is traced. */
  tracing?: Tracing;
  /** Hears of every request that is logged; must not throw. */
  listeners?: readonly ((entry: RequestEntry, request: KnownRequest) => void)[];
}

const REQUEST_ID = /^[\w.:-]{1,64}$/;
/** Probes and scrapes are not logged at all. */
const PROBES = /^\/(?:observability(?:\/|$)|api\/v1\/(?:health|ping)\/?$)/;
/** Beside them, and no probes. */
const TELEMETRY = /^\/observability\/(?:traces|logs)\/?$/;
/** Providers' doors take thousands a second; a success there is a row of `inbound_events` and a counter, not a line. */
const DOORS = /^\/api\/v1\/whatsapp\/webhook(?:\/|$)/;

/** Paths that something other than a route takes, whatever stands below. Every other path is a stranger's words, and no label. */
const MOUNTS = ['/graphql', '/api/v1/whatsapp/webhook', '/simulator', '/api/v1/docs', '/api/v1/redoc'];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const ERROR_TYPES: Record<number, string> = { 422: 'validation_error', 429: 'rate_limit_error' };

/**
 * First middleware of the house: gives the request its id (`X-Request-ID`, echoed when it is fit), and at the end counts it and writes one
 * line. Our own instead of pino-http's, which makes a child logger and copies the headers of every request, whether it is logged or not.
 */
export function requestLog({ logger, metrics, tracing, listeners = [] }: RequestLogOptions): RequestHandler {
  const requests = metrics.counter('http_requests_total');
  const durations = metrics.histogram('http_request_duration_seconds');
  const errors = metrics.counter('errors_total');

  return (request: KnownRequest, response: Response, next: NextFunction): void => {
    const started = performance.now();
    const given = request.headers['x-request-id'];
    const request_id = typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
    request.request_id = request_id;
    response.setHeader('X-Request-ID', request_id);
    // Routers rewrite `url`, and with it `path`, while they pass the request on.
    const path = request.path;
    const is_probe = PROBES.test(path) && !TELEMETRY.test(path);
    const is_door = DOORS.test(path);
    const traced = is_probe || !tracing ? null : begin(tracing, request, request_id, is_door);
    if (traced) response.setHeader('X-Trace-Id', traced.trace_id);

    response.once('close', () => {
      const method = METHODS.has(request.method) ? request.method : 'OTHER';
      const response_time_ms = performance.now() - started;
      // 499: the client left before the answer (nginx's word for it).
      const status_code = response.writableFinished ? response.statusCode : 499;
      const route = routeOf(request);
      requests.inc({ method, route, status: String(status_code) });
      durations.observe({ method, route }, response_time_ms / 1000);
      if (status_code >= 400) errors.inc({ type: status_code >= 500 ? 'internal_error' : (ERROR_TYPES[status_code] ?? 'http_error') });

      if (traced?.span) end(traced.span, request, { method, route, status_code });
      if (is_probe || (status_code < 400 && is_door)) return;
      const line = {
        method,
        route,
        status_code,
        response_time_ms: Math.round(response_time_ms * 10) / 10,
        request_id,
        organization_id: request.actor?.organization_id ?? null,
        user_id: request.actor?.user_id ?? null,
      };
      const trace_id = traced && { trace_id: traced.trace_id };
      logger[status_code >= 500 ? 'error' : 'info']({ context: 'http', ...line, ...trace_id }, `${method} ${route} ${status_code}`);
      for (const listener of listeners)
        listener({ ...line, ip: request.ip ?? null, user_agent: request.headers['user-agent'] ?? null }, request);
    });
    if (traced) context.with(traced.within, next);
    else next();
  };
}

function begin(tracing: Tracing, request: Request, request_id: string, is_door: boolean): Traced | null {
  const { traceparent } = request.headers;
  const attributes = { request_id, service: is_door ? 'webhook' : 'backend' };
  return tracing.request(request.method, attributes, typeof traceparent === 'string' ? traceparent : undefined, is_door);
}

/** What it was is known at its end: the route, the caller. */
function end(span: Span, { actor }: KnownRequest, known: { method: string; route: string; status_code: number }): void {
  const { organization_id, user_id } = actor ?? {};
  span.updateName(`${known.method} ${known.route}`);
  span.setAttributes({ ...known, ...(organization_id && { organization_id }), ...(user_id && { user_id }) });
  if (known.status_code >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** The route's template below its mount, never the path as typed: labels live as long as the process. */
function routeOf(request: Request): string {
  const path = (request.route as { path?: unknown } | undefined)?.path;
  const template = typeof path === 'string' ? path : '';
  const base = request.baseUrl.toLowerCase();
  const mount = base && MOUNTS.find((known) => base === known || base.startsWith(`${known}/`));
  return (base && !mount) || !(mount + template) ? 'unmatched' : `${mount}${template}`;
}
