import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsOptional, IsUUID } from 'class-validator';
import { DayOrInstant } from '#common/fields';
import { InPeriod } from '#common/period.dto';

/** What clients send of a choice that nobody made. */
const Unmade = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (['', 'undefined', 'null'].includes(value as string) ? undefined : value));

export class ConversationMetricsQuery {
  @Unmade()
  @IsOptional()
  @IsUUID()
  department_id?: string;

  @Unmade()
  @IsOptional()
  @IsUUID()
  queue_id?: string;

  /** Only those with a message, or begun without one, since: a day of the organization or an instant with its offset. */
  @Unmade()
  @IsOptional()
  @DayOrInstant()
  since?: string;
}

/** The inbox at this moment. */
export class ConversationMetrics {
  @ApiProperty({ type: 'integer' })
  total: number;

  @ApiProperty({ type: 'integer' })
  open: number;

  @ApiProperty({ type: 'integer' })
  pending: number;

  @ApiProperty({ type: 'integer' })
  resolved: number;

  @ApiProperty({ type: 'integer' })
  closed: number;

  /** Of all these. */
  @ApiProperty({ type: 'integer' })
  archived: number;

  /** Open or pending, with an agent. */
  @ApiProperty({ type: 'integer' })
  active: number;

  /** Those that wait in a queue. */
  @ApiProperty({ type: 'integer' })
  queued: number;

  /** Open or pending, without an agent. */
  @ApiProperty({ type: 'integer' })
  unassigned: number;

  /** How long those that wait have waited, in the mean; null: none does. */
  @ApiProperty({ type: 'integer', nullable: true })
  avg_wait_seconds: number | null;

  /** Until the first answer of a person, over the newest 10,000 that had one and are not archived; null: none had. */
  @ApiProperty({ type: 'integer', nullable: true })
  avg_first_response_seconds: number | null;

  /** Those that have waited for longer than ten minutes. */
  @ApiProperty({ type: 'integer' })
  overflow_count: number;

  /** Those that wait and whose SLA is over. */
  @ApiProperty({ type: 'integer' })
  sla_violations: number;

  generated_at: Date;
}

/** Days a period has, today included; yesterday, all and custom are their own. */
export const PERIODS = { today: 1, yesterday: 1, week: 7, month: 30, quarter: 90, year: 365, all: 0, custom: 0 } as const;
export type StatsPeriodName = keyof typeof PERIODS;

export class ConversationStatsQuery extends InPeriod(Object) {
  /** In days of the organization; custom takes `from` and `to`. */
  @ApiPropertyOptional({ enum: Object.keys(PERIODS), default: 'today' })
  @IsOptional()
  @IsIn(Object.keys(PERIODS))
  period?: StatsPeriodName;

  @IsOptional()
  @IsUUID()
  department_id?: string;

  @IsOptional()
  @IsUUID()
  queue_id?: string;

  /** Whose they are now. */
  @IsOptional()
  @IsUUID()
  agent_id?: string;

  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;
}

export class AgentShare {
  agent_id: string;

  agent_name: string;

  @ApiProperty({ type: 'integer' })
  conversations: number;

  /** Resolved or closed. */
  @ApiProperty({ type: 'integer' })
  resolved: number;
}

export class DepartmentShare {
  department_id: string;

  department_name: string;

  @ApiProperty({ type: 'integer' })
  conversations: number;

  /** Resolved or closed. */
  @ApiProperty({ type: 'integer' })
  resolved: number;
}

/** The conversations that went on in a period: begun before its end, with a message, or begun, since its start. How they are is how they are now. */
export class ConversationStats {
  @ApiProperty({ enum: Object.keys(PERIODS) })
  period: StatsPeriodName;

  /** null: from the beginning. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  from: Date | null;

  to: Date;

  @ApiProperty({ type: 'integer' })
  total_conversations: number;

  @ApiProperty({ type: 'integer' })
  open_conversations: number;

  @ApiProperty({ type: 'integer' })
  pending_conversations: number;

  @ApiProperty({ type: 'integer' })
  resolved_conversations: number;

  @ApiProperty({ type: 'integer' })
  closed_conversations: number;

  @ApiProperty({ type: 'integer' })
  archived_conversations: number;

  /** Begun in the period. */
  @ApiProperty({ type: 'integer' })
  new_conversations: number;

  /** Last reopened in the period. */
  @ApiProperty({ type: 'integer' })
  reopened_conversations: number;

  /** Of the period, without notes and what the system notes. */
  @ApiProperty({ type: 'integer' })
  total_messages: number;

  /** To customers, without those that failed. */
  @ApiProperty({ type: 'integer' })
  messages_sent: number;

  @ApiProperty({ type: 'integer' })
  messages_received: number;

  /** Until the first answer of a person, over those that had it in the period; null: none had. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  avg_response_time_minutes: number | null;

  /** Since they began or were last reopened, over those that ended in the period; null: none did. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  avg_resolution_time_hours: number | null;

  /** Those with the most first; at most 100. */
  @ApiProperty({ type: [AgentShare] })
  by_agent: AgentShare[];

  /** Those with the most first; at most 100. */
  @ApiProperty({ type: [DepartmentShare] })
  by_department: DepartmentShare[];
}
