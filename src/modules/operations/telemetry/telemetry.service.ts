import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { pageOfList } from '#common/page-of-list';
import type { Page } from '#common/page.dto';
import { Database } from '#database/database';
import { type Bounds, periodBounds } from '#database/narrow-period';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { TraceRing } from '#observability/trace-ring';
import { KeptTelemetry } from './kept-telemetry';
import { atLeastLevel, presentEntry } from './log-entry';
import { RecentLogs } from './recent-logs';
import type { LogEntry, LogQuery, Trace, TraceQuery } from './telemetry.dto';

/** What was done of late, for operators: by every process where MongoDB keeps it, else by this one. */
@Injectable()
export class TelemetryService {
  constructor(
    private readonly ring: TraceRing,
    private readonly logs: RecentLogs,
    private readonly kept: KeptTelemetry,
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
  ) {}

  async traces(actor: Actor, query: TraceQuery): Promise<Page<Trace>> {
    const bounds = await this.bounds(actor, query);
    const found = (await this.kept.ended(query, bounds)) ?? this.ended(query, bounds);
    return pageOfList<Trace>(found, query, { search: ['name', 'route'], sort: ['started_at', 'duration_ms', 'status_code', 'name'] });
  }

  async entries(actor: Actor, query: LogQuery): Promise<Page<LogEntry>> {
    const bounds = await this.bounds(actor, query);
    const found = (await this.kept.entries(query, bounds)) ?? (await this.lines(query, bounds));
    const page = pageOfList(found, query, { search: ['message'], sort: ['timestamp', 'level', 'service'] });
    return { ...page, items: page.items.map(presentEntry) };
  }

  private ended({ trace_id, request_id, service, status_code, min_duration_ms = 0 }: TraceQuery, bounds: Bounds): Trace[] {
    return this.ring
      .all()
      .filter((one) => matches(one, { trace_id, request_id, service, status_code }))
      .filter(({ duration_ms, started_at }) => duration_ms >= min_duration_ms && isWithin(started_at, bounds));
  }

  private async lines({ trace_id, request_id, service, organization_id, level = 'debug' }: LogQuery, bounds: Bounds): Promise<LogEntry[]> {
    const words = [trace_id, request_id, organization_id].filter((word) => word !== undefined);
    return (await this.logs.find(words))
      .filter((one) => matches(one, { trace_id, request_id, service, organization_id }))
      .filter((one) => atLeastLevel(one.level, level) && isWithin(one.timestamp, bounds));
  }

  private async bounds(actor: Actor, { start_date, end_date }: TraceQuery | LogQuery): Promise<Bounds> {
    return periodBounds(this.database, await this.organizations.period(actor, start_date, end_date));
  }
}

/** Whether each field that is asked for is so. */
const matches = (one: object, wanted: object): boolean =>
  Object.entries(wanted).every(([field, value]) => value === undefined || (one as Record<string, unknown>)[field] === value);

const isWithin = (time: Date, { start, end }: Bounds): boolean => (!start || time >= start) && (!end || time <= end);
