import { Schema, type Types } from 'mongoose';
import { LOG_SCHEMA } from '#database/mongo';
import type { LogEntry, Trace } from './telemetry.dto';

const DAY_SECONDS = 86_400;

/** A line as it may be seen; what is not asked for by name is in `rest`, as JSON: its own names may be any. */
export type LogDocument = Omit<LogEntry, 'message' | 'context'> & { _id: Types.ObjectId; rest: string };

/** The same of a trace. */
export type TraceDocument = Omit<Trace, 'user_id' | 'spans'> & { _id: Types.ObjectId; rest: string };

/** A week of what every process logged. */
export const LogSchema = new Schema<LogDocument>(
  { timestamp: Date, level: String, service: String, request_id: String, trace_id: String, organization_id: String, rest: String },
  { ...LOG_SCHEMA, collection: 'logs' },
)
  .index({ timestamp: 1 }, { expireAfterSeconds: 7 * DAY_SECONDS })
  .index({ organization_id: 1, timestamp: -1 })
  .index({ request_id: 1 })
  .index({ trace_id: 1 });

/** A day of what every process did. */
export const TraceSchema = new Schema<TraceDocument>(
  {
    trace_id: String,
    request_id: String,
    name: String,
    service: String,
    method: String,
    route: String,
    status_code: Number,
    started_at: Date,
    duration_ms: Number,
    organization_id: String,
    rest: String,
  },
  { ...LOG_SCHEMA, collection: 'traces' },
)
  .index({ started_at: 1 }, { expireAfterSeconds: DAY_SECONDS })
  .index({ organization_id: 1, started_at: -1 })
  .index({ request_id: 1 })
  .index({ trace_id: 1 });
