import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { Mongo } from '#database/mongo';
import type { RequestEntry } from '#observability/request-log';
import type { RequestDocument } from './audit-log.schema';

export const API_LOGS = 'ApiLog';
export const ERROR_LOGS = 'ErrorLog';

const FLUSH_MS = 1000;
const WAITING_MAX = 5000;

type Line = Omit<RequestDocument, '_id'>;

/** `api_logs` and `error_logs` of MongoDB: written by the second, dropped while it is away. The audit log is the record; this is a help. */
@Injectable()
export class RequestLogs implements OnModuleDestroy {
  private waiting: Line[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mongo: Mongo,
    @InjectModel(API_LOGS) private readonly requests: Model<RequestDocument>,
    @InjectModel(ERROR_LOGS) private readonly errors: Model<RequestDocument>,
  ) {}

  /** Hears of every answered request (`requestLog`). */
  readonly listen = (entry: RequestEntry): void => {
    if (!this.mongo.up || this.waiting.length >= WAITING_MAX) return;
    this.waiting.push({ ...entry, created_at: new Date() });
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  };

  /** Lines of an organization. */
  async erase(organization_id: string): Promise<void> {
    if (!this.mongo.configured) return;
    await this.flush();
    for (const lines of [this.requests, this.errors]) await lines.deleteMany({ organization_id });
  }

  async onModuleDestroy(): Promise<void> {
    await this.flush();
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const lines = this.waiting;
    this.waiting = [];
    if (!lines.length || !this.mongo.up) return;
    const failures = lines.filter(({ status_code }) => status_code >= 500);
    await Promise.allSettled([
      this.requests.insertMany(lines, { lean: true, ordered: false }),
      this.errors.insertMany(failures, { lean: true, ordered: false }),
    ]);
  }
}
