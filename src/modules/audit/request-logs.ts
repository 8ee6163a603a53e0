import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Mongo } from '#database/mongo';
import { MongoLines } from '#database/mongo-lines';
import type { RequestEntry } from '#observability/request-log';
import type { RequestDocument } from './audit-log.schema';

export const API_LOGS = 'ApiLog';
export const ERROR_LOGS = 'ErrorLog';

/** `api_logs` and `error_logs` of MongoDB. The audit log is the record; this is a help. */
@Injectable()
export class RequestLogs implements OnModuleDestroy {
  private readonly requests: MongoLines<RequestEntry, RequestDocument>;
  private readonly failures: MongoLines<RequestEntry, RequestDocument>;

  constructor(
    mongo: Mongo,
    @InjectModel(API_LOGS) requests: Model<RequestDocument>,
    @InjectModel(ERROR_LOGS) errors: Model<RequestDocument>,
  ) {
    const documentOf = (entry: RequestEntry): Omit<RequestDocument, '_id'> => ({ ...entry, created_at: new Date() });
    this.requests = new MongoLines(mongo, requests, documentOf);
    this.failures = new MongoLines(mongo, errors, documentOf);
  }

  /** Hears of every answered request (`requestLog`). */
  readonly listen = (entry: RequestEntry): void => {
    this.requests.add(entry);
    if (entry.status_code >= 500) this.failures.add(entry);
  };

  /** Lines of an organization. */
  async erase(organization_id: string): Promise<void> {
    for (const lines of [this.requests, this.failures]) await lines.erase(organization_id);
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.requests.flush(), this.failures.flush()]);
  }
}
