import { ArgsType, Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { ArgsOf } from '#common/mapped-types';

export class MetricsQuery {
  /** The last so many days, today included. */
  @ApiProperty({ required: false, default: 30 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(90)
  days?: number;
}

@ArgsType()
export class MetricsArgs extends ArgsOf(MetricsQuery) {}

/** How a queue is at this moment. */
@ObjectType()
export class QueueStats {
  @Field(() => ID)
  queue_id: string;

  @Field(() => Int)
  waiting: number;

  /** = waiting. */
  @Field(() => Int)
  queued_conversations: number;

  @Field(() => Int)
  active_conversations: number;

  @Field(() => Int)
  completed_conversations: number;

  @Field(() => Int)
  total_conversations: number;

  @Field(() => Int, { nullable: true })
  average_wait_time_seconds: number | null;

  /** Of who waits longest now. */
  @Field(() => Int, { nullable: true })
  longest_wait_seconds: number | null;

  /** Of those who serve it. */
  @Field(() => Int)
  agents_online: number;

  /** Who would get a conversation now. */
  @Field(() => Int)
  agents_available: number;

  is_open: boolean;

  /** Of those that wait: warned of, and not yet breached. */
  @Field(() => Int)
  sla_warning: number;

  @Field(() => Int)
  sla_breached: number;
}

@ObjectType()
export class HourVolume {
  @Field(() => Int)
  hour: number;

  @Field(() => Int)
  count: number;
}

@ObjectType()
export class DayOccupancy {
  /** `YYYY-MM-DD`. */
  day: string;

  /** The most that waited. */
  @Field(() => Int)
  queued: number;

  @Field(() => Int)
  capacity: number;

  occupancy_percent: number;
}

/** How a queue was, over conversations that entered it in the period. Rates are 0 to 100, null without data. */
@ObjectType()
export class QueueMetrics {
  @Field(() => ID)
  queue_id: string;

  queue_name: string;

  @Field(() => Int)
  total_conversations: number;

  @Field(() => Int)
  conversations_today: number;

  @Field(() => Int)
  conversations_last_7_days: number;

  @Field(() => Int)
  conversations_last_30_days: number;

  @Field(() => Int)
  queued_conversations: number;

  @Field(() => Int)
  active_conversations: number;

  @Field(() => Int, { nullable: true })
  average_wait_time_seconds: number | null;

  @Field(() => Int, { nullable: true })
  median_wait_time_seconds: number | null;

  /** From entering to the first answer of a person. */
  @Field(() => Int, { nullable: true })
  average_response_time_seconds: number | null;

  @Field(() => Int, { nullable: true })
  average_resolution_time_seconds: number | null;

  @Field(() => Int, { nullable: true })
  sla_minutes: number | null;

  @Field(() => Float, { nullable: true })
  sla_compliance_rate: number | null;

  @Field(() => Int)
  sla_violations: number;

  /** Share of ratings of 4 and 5. */
  @Field(() => Int, { nullable: true })
  customer_satisfaction_score: number | null;

  @Field(() => Float, { nullable: true })
  resolution_rate: number | null;

  /** Of the last 24 hours, by hour of the organization's day; 24 of them. */
  @ApiProperty({ type: [HourVolume] })
  @Field(() => [HourVolume])
  volume_by_hour: HourVolume[];

  /** Conversations it sent on because it was full. */
  @Field(() => Int)
  overflow_events: number;

  @Field(() => Float, { nullable: true })
  overflow_rate: number | null;

  /** Of the days on which it had a max_queue_size. */
  @ApiProperty({ type: [DayOccupancy] })
  @Field(() => [DayOccupancy])
  occupancy_trend: DayOccupancy[];

  period_start: Date;

  period_end: Date;
}
