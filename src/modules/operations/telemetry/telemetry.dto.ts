import { Type as Cast } from 'class-transformer';
import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, IsOptional, IsString, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import type { JsonObject } from '#common/json.scalar';
import { PageOf } from '#common/page.dto';
import type { TelemetryService } from '#observability/trace-ring';
import { HistoryQuery } from '#common/period.dto';

const SERVICES = ['backend', 'worker', 'websocket', 'webhook'] as const satisfies readonly TelemetryService[];
export const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

const TRACE_ID = { maxLength: 32, example: '0af7651916cd43dd8448eb211c80319c' };
const SPAN_ID = { maxLength: 16, example: 'b7ad6b7169203331' };

/** A part of a trace: a statement, a call, the request itself. */
export class TraceSpan {
  @ApiProperty(SPAN_ID)
  span_id: string;

  /** null: the trace began here. */
  @ApiProperty({ type: 'string', nullable: true, maxLength: 16, example: null })
  parent_id: string | null;

  @ApiProperty({ example: 'postgresql' })
  name: string;

  /** server, client, consumer or internal, as OpenTelemetry says. */
  @ApiProperty({ example: 'client' })
  kind: string;

  started_at: Date;

  @ApiProperty({ format: 'double', minimum: 0 })
  duration_ms: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    example: { 'db.query.text': 'SELECT id FROM contacts WHERE organization_id = $1' },
  })
  attributes: JsonObject;
}

/** One request or job, with what was done for it. */
export class Trace {
  @ApiProperty(TRACE_ID)
  trace_id: string;

  /** The X-Request-ID of the answer; null: a job. */
  @ApiProperty({ type: 'string', nullable: true, maxLength: 64, example: 'order-42' })
  request_id: string | null;

  @ApiProperty({ example: 'GET /api/v1/contacts' })
  name: string;

  @ApiProperty({ enum: SERVICES })
  service: TelemetryService;

  @ApiProperty({ type: 'string', nullable: true, example: 'GET' })
  method: string | null;

  /** The route's template. */
  @ApiProperty({ type: 'string', nullable: true, example: '/api/v1/contacts' })
  route: string | null;

  @ApiProperty({ type: 'integer', nullable: true, example: 200 })
  status_code: number | null;

  started_at: Date;

  @ApiProperty({ format: 'double', minimum: 0 })
  duration_ms: number;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  organization_id: string | null;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  user_id: string | null;

  /** At most 200, in the order in which they began. */
  @ApiProperty({ type: [TraceSpan] })
  spans: TraceSpan[];
}

export class TracePage extends PageOf(Trace) {}

class TelemetryQuery extends HistoryQuery {
  @IsOptional()
  @IsString()
  @Matches(/^[0-9a-f]{32}$/, { message: 'trace_id must be 32 hexadecimal digits' })
  trace_id?: string;

  /** The X-Request-ID of the answer. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  request_id?: string;

  @IsOptional()
  @IsIn(SERVICES)
  service?: TelemetryService;
}

export class TraceQuery extends TelemetryQuery {
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(100)
  @Max(599)
  status_code?: number;

  /** Took at least so long. */
  @IsOptional()
  @Cast(() => Number)
  @IsNumber()
  @Min(0)
  min_duration_ms?: number;
}

export class LogQuery extends TelemetryQuery {
  /** That level and those above it. */
  @IsOptional()
  @IsIn(LEVELS)
  level?: Level;

  @IsOptional()
  @IsUUID('all')
  organization_id?: string;
}

/** A line of the log, without tokens, texts of messages and whole phones. */
export class LogEntry {
  timestamp: Date;

  @ApiProperty({ enum: LEVELS })
  level: Level;

  @ApiProperty({ enum: SERVICES })
  service: TelemetryService;

  @ApiProperty({ example: 'GET /api/v1/contacts 200' })
  message: string;

  @ApiProperty({ type: 'string', nullable: true, maxLength: 64, example: 'order-42' })
  request_id: string | null;

  @ApiProperty({ ...TRACE_ID, type: 'string', nullable: true })
  trace_id: string | null;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  organization_id: string | null;

  /** What else the line says. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { context: 'http', response_time_ms: 4.2 } })
  context: JsonObject;
}

export class LogEntryPage extends PageOf(LogEntry) {}
