import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  context,
  createContextKey,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { parseTraceParent } from '@opentelemetry/core';
import { AlwaysOnSampler, BasicTracerProvider, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';
import { Injectable } from '@nestjs/common';
import { Config } from '#config/config';
import { VERSION } from '#config/version';
import { TraceRing } from './trace-ring';

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** Who records what is done here; absent: nobody does. */
const TRACER = createContextKey('tracer');
/** The request or job a line of the log belongs to. */
const ORIGIN = createContextKey('origin');

/** What lines of the log say of where they come from. */
export interface Origin {
  request_id?: string;
  trace_id: string;
}

/** Of what providers send, a hundredth of what else is traced: it comes by the thousand, and is alike. */
const DOOR_SHARE = 0.01;
/** Anybody may ask for a recording: what asks more often is left to chance like the rest. */
const ASKED_EVERY_MS = 1000;

const ids = new RandomIdGenerator();

/** A request or a job, recorded or not. */
export interface Traced {
  trace_id: string;
  /** null: not recorded. */
  span: Span | null;
  /** What is done within it runs there. */
  within: Context;
}

/** Runs `work` as a part of what is recorded; where nothing is, it just runs. `attributes` hold no value of a customer. */
export function inSpan<R>(name: string, attributes: () => Attributes, work: () => Promise<R>): Promise<R> {
  const here = context.active();
  const tracer = here.getValue(TRACER) as Tracer | undefined;
  if (!tracer) return work();
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: attributes() }, here);
  return ended(span, context.with(trace.setSpan(here, span), work));
}

/** The same for work that is over, where somebody else has run it. */
export function pastSpan(name: string, duration_ms: number, attributes: () => Attributes): void {
  const here = context.active();
  const tracer = here.getValue(TRACER) as Tracer | undefined;
  if (!tracer) return;
  const now = Date.now();
  tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: attributes(), startTime: now - duration_ms }, here).end(now);
}

/** What a line of the log that is written now belongs to. */
export const originOfLine = (): Origin | undefined => context.active().getValue(ORIGIN) as Origin | undefined;

async function ended<R>(span: Span, work: Promise<R>): Promise<R> {
  try {
    return await work;
  } catch (error) {
    // Its kind alone: a message may name anything.
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.constructor.name : 'Error' });
    throw error;
  } finally {
    span.end();
  }
}

/** Decides what is recorded, by OpenTelemetry. */
@Injectable()
export class Tracing {
  private readonly tracer: Tracer;
  private readonly ratio: number;
  private asked_at = -Infinity;

  constructor({ trace_sample_ratio }: Config, ring: TraceRing) {
    this.ratio = trace_sample_ratio;
    // What is not sampled never comes so far.
    const provider = new BasicTracerProvider({
      sampler: new AlwaysOnSampler(),
      spanLimits: { attributeCountLimit: 16, attributeValueLengthLimit: 300 },
      spanProcessors: [ring],
    });
    this.tracer = provider.getTracer('pytake', VERSION);
  }

  /**
   * A request begins. Its trace is that of a `traceparent` it brings (W3C), which may also ask to be recorded, once a second; null: a provider's that is not recorded, of which
   * nothing is made at all.
   */
  request(name: string, attributes: Attributes, traceparent: string | undefined, is_door: boolean): Traced | null {
    if (is_door) return Math.random() < this.ratio * DOOR_SHARE ? this.begin(name, SpanKind.SERVER, attributes, ROOT_CONTEXT, true) : null;
    const remote = traceparent === undefined ? null : parseTraceParent(traceparent);
    const asked = remote !== null && (remote.traceFlags & TraceFlags.SAMPLED) !== 0 && this.mayAsk();
    const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT;
    return this.begin(name, SpanKind.SERVER, attributes, parent, asked || Math.random() < this.ratio);
  }

  private mayAsk(): boolean {
    const now = performance.now();
    if (this.ratio === 0 || now - this.asked_at < ASKED_EVERY_MS) return false;
    this.asked_at = now;
    return true;
  }

  /** Runs a job as a trace of its own. */
  job<R>(name: string, attributes: Attributes, work: () => Promise<R>): Promise<R> {
    const { span, within } = this.begin(name, SpanKind.CONSUMER, attributes, ROOT_CONTEXT, Math.random() < this.ratio);
    const done = context.with(within, work);
    return span ? ended(span, done) : done;
  }

  private begin(name: string, kind: SpanKind, attributes: Attributes, parent: Context, is_recorded: boolean): Traced {
    const { request_id } = attributes as { request_id?: string };
    if (!is_recorded) {
      const trace_id = trace.getSpanContext(parent)?.traceId ?? ids.generateTraceId();
      return { trace_id, span: null, within: ROOT_CONTEXT.setValue(ORIGIN, { request_id, trace_id }) };
    }
    const span = this.tracer.startSpan(name, { kind, attributes }, parent);
    const { traceId: trace_id } = span.spanContext();
    const within = trace.setSpan(ROOT_CONTEXT, span).setValue(TRACER, this.tracer).setValue(ORIGIN, { request_id, trace_id });
    return { trace_id, span, within };
  }
}
