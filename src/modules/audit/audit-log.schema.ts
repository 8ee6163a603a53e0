import { Schema, type Types } from 'mongoose';
import { LOG_SCHEMA } from '#database/mongo';
import type { RequestEntry } from '#observability/request-log';
import type { AuditLog } from './audit-log.entity';

/** An audit entry in MongoDB: the same fields, the id as `_id`. */
export type AuditDocument = Omit<AuditLog, 'id'> & { _id: string };

export const AuditLogSchema = new Schema<AuditDocument>(
  {
    _id: String,
    organization_id: { type: String, default: null },
    actor_type: String,
    actor_id: String,
    user_id: String,
    actor_email: String,
    actor_role: String,
    action: String,
    resource_type: String,
    resource_id: String,
    resource_name: String,
    changes: Schema.Types.Mixed,
    metadata: Schema.Types.Mixed,
    result: String,
    ip_address: String,
    user_agent: String,
    request_id: String,
    created_at: Date,
  },
  // `minimize` would drop an empty `changes`.
  { ...LOG_SCHEMA, collection: 'audit_logs', minimize: false },
)
  .index({ organization_id: 1, created_at: -1 })
  .index({ user_id: 1, created_at: -1 })
  .index({ actor_id: 1, created_at: -1 })
  .index({ action: 1, created_at: -1 })
  .index({ resource_type: 1, resource_id: 1, created_at: -1 })
  .index({ created_at: -1 });

export type RequestDocument = RequestEntry & { _id: Types.ObjectId; created_at: Date };

const DAY_SECONDS = 86_400;

const requestSchema = (collection: string, days: number): Schema<RequestDocument> =>
  new Schema<RequestDocument>(
    {
      organization_id: String,
      user_id: String,
      method: String,
      route: String,
      status_code: Number,
      response_time_ms: Number,
      ip: String,
      user_agent: String,
      request_id: String,
      created_at: Date,
    },
    { ...LOG_SCHEMA, collection },
  )
    .index({ organization_id: 1, created_at: -1 })
    .index({ created_at: 1 }, { expireAfterSeconds: days * DAY_SECONDS });

/** Each request, 30 days. */
export const ApiLogSchema = requestSchema('api_logs', 30);
/** Requests we failed (5xx), 90 days. */
export const ErrorLogSchema = requestSchema('error_logs', 90);
