import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { InjectModel } from '@nestjs/mongoose';
import type { Model, QueryFilter } from 'mongoose';
import { given } from '#common/given';
import { within } from '#common/time';
import { Mongo } from '#database/mongo';
import { MongoLines } from '#database/mongo-lines';
import type { Bounds } from '#database/narrow-period';
import { Followers } from '#modules/organizations/followers';
import { TraceRing } from '#observability/trace-ring';
import { entryOf, presentEntry } from './log-entry';
import { LEVELS, type LogEntry, type LogQuery, type Trace, type TraceQuery } from './telemetry.dto';
import type { LogDocument, TraceDocument } from './telemetry.schema';

export const LOGS = 'LogLine';
export const TRACES = 'Trace';

/** What is looked through; who wants older ones narrows the period. */
const NEWEST = { logs: 5000, traces: 1000 };
const ANSWER_MS = 5000;

/** Logs and traces of all processes in MongoDB, a week and a day of them. Without it each process knows its own. */
@Injectable()
export class KeptTelemetry implements OnModuleDestroy {
  private readonly logger = new Logger(KeptTelemetry.name);
  private readonly logs: MongoLines<string, LogDocument>;
  private readonly traces: MongoLines<Trace, TraceDocument>;

  constructor(
    private readonly mongo: Mongo,
    @InjectModel(LOGS) private readonly log_lines: Model<LogDocument>,
    @InjectModel(TRACES) private readonly trace_lines: Model<TraceDocument>,
    ring: TraceRing,
    followers: Followers,
  ) {
    this.logs = new MongoLines(mongo, log_lines, (line) => {
      const { message, context, ...asked } = presentEntry(entryOf(line));
      return { ...asked, rest: JSON.stringify({ message, context }) };
    });
    this.traces = new MongoLines(mongo, trace_lines, ({ user_id, spans, ...asked }) => ({
      ...asked,
      rest: JSON.stringify({ user_id, spans }),
    }));
    ring.listen((trace) => this.traces.add(trace));
    followers.add({
      erased: async (organization_id) => {
        await this.logs.erase(organization_id);
        await this.traces.erase(organization_id);
      },
    });
  }

  /** A line as the logger wrote it. */
  readonly hear = (line: string): void => this.logs.add(line);

  /** Newest first; null: MongoDB is not there to be asked. */
  async entries({ level = 'debug', ...asked }: LogQuery, bounds: Bounds): Promise<LogEntry[] | null> {
    const { trace_id, request_id, service, organization_id } = asked;
    const filter = {
      ...given({ trace_id, request_id, service, organization_id }),
      ...(level !== 'debug' && { level: { $in: LEVELS.slice(LEVELS.indexOf(level)) } }),
      ...moment('timestamp', bounds),
    };
    await this.logs.flush();
    const found = await this.newest(this.log_lines, filter, 'timestamp', NEWEST.logs);
    return found && found.map(({ _id, rest, ...entry }) => ({ ...entry, ...(JSON.parse(rest) as Pick<LogEntry, 'message' | 'context'>) }));
  }

  /** The same of traces. */
  async ended({ min_duration_ms, ...asked }: TraceQuery, bounds: Bounds): Promise<Trace[] | null> {
    const { trace_id, request_id, service, status_code } = asked;
    const filter = {
      ...given({ trace_id, request_id, service, status_code }),
      ...(min_duration_ms !== undefined && { duration_ms: { $gte: min_duration_ms } }),
      ...moment('started_at', bounds),
    };
    await this.traces.flush();
    const found = await this.newest(this.trace_lines, filter, 'started_at', NEWEST.traces);
    return (
      found && found.map(({ _id, rest, ...trace }) => ({ ...trace, ...(JSON.parse(rest, revive) as Pick<Trace, 'user_id' | 'spans'>) }))
    );
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.logs.flush(), this.traces.flush()]);
  }

  private async newest<T>(model: Model<T>, filter: object, time: string, limit: number): Promise<T[] | null> {
    if (!this.mongo.up) return null;
    const find = (): Promise<T[]> =>
      model
        .find(filter as QueryFilter<T>)
        .sort({ [time]: -1, _id: -1 })
        .limit(limit)
        .lean<T[]>()
        .exec();
    try {
      return await within(ANSWER_MS, find);
    } catch (error) {
      this.logger.warn({ msg: 'MongoDB did not answer: only what this process knows is shown', err: error });
      return null;
    }
  }
}

const revive = (name: string, value: unknown): unknown => (name === 'started_at' ? new Date(String(value)) : value);

const moment = (field: string, { start, end }: Bounds): object =>
  start || end ? { [field]: { ...(start && { $gte: start }), ...(end && { $lte: end }) } } : {};
