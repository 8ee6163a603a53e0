import { Controller, Get, Query } from '@nestjs/common';
import { Allow, Caller, PeopleOnly } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Room } from '#common/room';
import { LogEntryPage, LogQuery, TracePage, TraceQuery } from './telemetry.dto';
import { TelemetryService } from './telemetry.service';

/** Beside probes and metrics, which anybody may ask. */
@Room('observability')
@Controller('observability')
@Allow('super_admin')
@PeopleOnly()
export class TelemetryController {
  constructor(private readonly telemetry: TelemetryService) {}

  /**
   * List the last requests and jobs that were recorded, newest first (`TRACE_SAMPLE_RATIO` says how many are): those of a day, of every process and the 1,000
   * newest that match where `MONGODB_URL` is set, else of this process and 2,000 at most. `search` looks in name and route.
   */
  @Get('traces')
  traces(@Caller() actor: Actor, @Query() query: TraceQuery): Promise<TracePage> {
    return this.telemetry.traces(actor, query);
  }

  /**
   * List the last lines of the log, newest first, 5,000 at most: of every process in a week where `MONGODB_URL` is set, else of this one. `search` looks in the
   * message; narrow the period for older ones.
   */
  @Get('logs')
  logs(@Caller() actor: Actor, @Query() query: LogQuery): Promise<LogEntryPage> {
    return this.telemetry.entries(actor, query);
  }
}
