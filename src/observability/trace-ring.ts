import { type Attributes, type HrTime, SpanKind } from '@opentelemetry/api';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Injectable } from '@nestjs/common';
import { Bounded } from '#common/bounded';

export type TelemetryService = 'backend' | 'worker' | 'websocket' | 'webhook';

export interface SpanRecord {
  span_id: string;
  parent_id: string | null;
  name: string;
  kind: string;
  started_at: Date;
  duration_ms: number;
  attributes: Attributes;
}

/** A request or a job with all that was done for it. */
export interface TraceRecord {
  trace_id: string;
  request_id: string | null;
  name: string;
  service: TelemetryService;
  method: string | null;
  route: string | null;
  status_code: number | null;
  started_at: Date;
  duration_ms: number;
  organization_id: string | null;
  user_id: string | null;
  spans: SpanRecord[];
}

const TRACES = { count: 2000, bytes: 16 * 1024 * 1024 };
/** Those that have not ended; a span that comes after its trace's end waits here in vain, until it is the oldest. */
const OPEN_MAX = 1000;
const SPANS_MAX = 200;
/** What a span takes in memory, about. */
const SPAN_BYTES = 800;
const DAY_MS = 86_400_000;

/** The last traces of this process: a day, 2,000, or 16 MB of them. */
@Injectable()
export class TraceRing implements SpanProcessor {
  private readonly open = new Bounded<string, SpanRecord[]>({ count: OPEN_MAX });
  private readonly traces = new Bounded<string, TraceRecord>(TRACES, ({ spans }) => spans.length * SPAN_BYTES);
  private readonly listeners: ((trace: TraceRecord) => void)[] = [];

  /** Those of the last day, newest first. */
  all(): TraceRecord[] {
    const oldest = Date.now() - DAY_MS;
    return [...this.traces.values()].reverse().filter(({ started_at }) => started_at.getTime() >= oldest);
  }

  /** Hears of every trace that ends; must not throw. */
  listen(listener: (trace: TraceRecord) => void): void {
    this.listeners.push(listener);
  }

  onStart(): void {
    // Only what has ended is kept.
  }

  onEnd(span: ReadableSpan): void {
    const { traceId, spanId } = span.spanContext();
    const spans = this.open.get(traceId) ?? [];
    if (spans.length < SPANS_MAX || isRoot(span)) spans.push(recordOf(span));
    if (!isRoot(span)) return void this.open.set(traceId, spans);
    this.open.delete(traceId);
    const trace = traceOf(span, spans);
    this.traces.set(spanId, trace);
    for (const listener of this.listeners) listener(trace);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const isRoot = ({ parentSpanContext }: ReadableSpan): boolean => !parentSpanContext || parentSpanContext.isRemote === true;

function recordOf(span: ReadableSpan): SpanRecord {
  const { name, kind, startTime, duration, attributes, parentSpanContext, status } = span;
  return {
    span_id: span.spanContext().spanId,
    parent_id: parentSpanContext?.spanId ?? null,
    name,
    kind: SpanKind[kind].toLowerCase(),
    started_at: new Date(millis(startTime)),
    duration_ms: rounded(millis(duration)),
    attributes: status.message ? { ...attributes, error: status.message } : attributes,
  };
}

function traceOf(root: ReadableSpan, spans: SpanRecord[]): TraceRecord {
  const {
    request_id = null,
    service = 'backend',
    method = null,
    route = null,
    status_code = null,
    organization_id = null,
    user_id = null,
  } = root.attributes as Partial<TraceRecord>;
  return {
    trace_id: root.spanContext().traceId,
    request_id,
    name: root.name,
    service,
    method,
    route,
    status_code,
    started_at: new Date(millis(root.startTime)),
    duration_ms: rounded(millis(root.duration)),
    organization_id,
    user_id,
    spans: spans.sort((a, b) => a.started_at.getTime() - b.started_at.getTime()),
  };
}

const millis = ([seconds, nanos]: HrTime): number => seconds * 1000 + nanos / 1e6;
const rounded = (ms: number): number => Math.round(ms * 10) / 10;
