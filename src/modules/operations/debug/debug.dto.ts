import { ApiProperty } from '@nestjs/swagger';
import { Type as Cast } from 'class-transformer';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import { Role } from '#common/actor';
import { JsonBytes, Trim } from '#common/fields';
import type { JsonObject } from '#common/json.scalar';
import { PageOf, PageQuery } from '#common/page.dto';
import { JOB_KINDS, type QueueName } from '#jobs/job-kinds';

export class MemoryUse {
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  rss_bytes: number;

  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  heap_total_bytes: number;

  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  heap_used_bytes: number;
}

/** The process that answers. */
export class DebugInfo {
  version: string;

  /** Of the sources, as `COMMIT_SHA` says; null: nobody said. */
  @ApiProperty({ type: 'string', nullable: true, example: null })
  commit: string | null;

  /** Of Node.js. */
  @ApiProperty({ example: 'v24.1.0' })
  node: string;

  memory: MemoryUse;

  @ApiProperty({ type: 'integer', minimum: 0 })
  uptime_seconds: number;

  /** What is switched on. */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'boolean' }, example: { simulator: true, registration: true } })
  features: Record<string, boolean>;
}

/** The settings this process runs with. */
export class DebugConfig {
  /** By name, in lower case; what looks secret is `***`, and no address has a login. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { port: 8000, jwt_secret: '***' } })
  values: JsonObject;
}

export class DebugRoute {
  @ApiProperty({ example: 'GET' })
  method: string;

  @ApiProperty({ example: '/api/v1/contacts' })
  path: string;

  /** The least role that may; `public`: anybody. */
  @ApiProperty({ enum: [...Object.values(Role), 'public'] })
  role: `${Role}` | 'public';
}

export class DebugRoutePage extends PageOf(DebugRoute) {}

export class DebugCaller {
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  id: string | null;

  @ApiProperty({ format: 'uuid' })
  organization_id: string;

  @ApiProperty({ enum: Role })
  role: Role;
}

/** The request as it arrived here. */
export class DebugEcho {
  @ApiProperty({ example: 'GET' })
  method: string;

  @ApiProperty({ example: '/api/v1/debug/echo' })
  path: string;

  @ApiProperty({ type: 'object', additionalProperties: true, example: {} })
  query: JsonObject;

  /** Those that carry a login are `***`. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { authorization: '***' } })
  headers: JsonObject;

  @ApiProperty({ type: 'string', nullable: true, example: '203.0.113.9' })
  ip: string | null;

  user: DebugCaller;
}

const JOB_STATES = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
type JobState = (typeof JOB_STATES)[number];

export class DebugJobsQuery {
  @IsOptional()
  @IsIn(Object.keys(JOB_KINDS))
  queue?: QueueName;

  /** Only queues that have such a job. */
  @IsOptional()
  @IsIn(JOB_STATES)
  status?: JobState;

  /** Failed jobs of each queue, at most. */
  @IsOptional()
  @Cast(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 100, default: 20, required: false })
  limit?: number = 20;
}

export class FailedJob {
  @ApiProperty({ maxLength: 400, example: '42' })
  id: string;

  @ApiProperty({ example: 'retention' })
  name: string;

  @ApiProperty({ example: 'no answer within 300000 ms' })
  failed_reason: string;
}

export class DebugQueue {
  @ApiProperty({ enum: Object.keys(JOB_KINDS) })
  queue: QueueName;

  @ApiProperty({ type: 'integer', minimum: 0 })
  waiting: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  active: number;

  /** After a failure, until they are tried again. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  delayed: number;

  /** 0: jobs that are done are not kept. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  completed: number;

  /** All their tries are used up. */
  @ApiProperty({ type: 'integer', minimum: 0 })
  failed: number;

  /** The newest first. */
  recent_failed: FailedJob[];
}

export class DebugJobs {
  queues: DebugQueue[];
}

export class DebugEmail {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'ana@padaria.example' })
  to: string;

  subject: string;

  text: string;

  html: string;

  /** Every address its text names. */
  links: string[];

  created_at: Date;
}

export class DebugEmailPage extends PageOf(DebugEmail) {}

export class DebugEmailQuery extends PageQuery {
  /** Whose; case aside. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(255)
  to?: string;
}

/** Socket.IO keeps these names for itself. */
const RESERVED = 'connect|connect_error|disconnect|disconnecting|newListener|removeListener';

export class DebugEvent {
  /** Its name, such as `message:new`. Raw sockets hear those of the list (`/api/v1/realtime`) alone. */
  @IsString()
  @Length(1, 100)
  @Matches(new RegExp(`^(?!(?:${RESERVED})$)[A-Za-z][\\w.:-]*$`), { message: 'event must be the name of an event, such as message:new' })
  event: string;

  /** Its data. */
  @IsObject()
  @JsonBytes(65_536)
  payload: JsonObject;
}
