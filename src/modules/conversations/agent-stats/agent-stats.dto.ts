import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { ArgsOf } from '#common/mapped-types';
import { PeriodQuery } from '#common/period.dto';

/** From when to when, both ends included. */
@ObjectType()
export class StatsPeriod {
  /** null: from the beginning. */
  @Field(() => Date, { nullable: true })
  start: Date | null;

  /** null: until now. */
  @Field(() => Date, { nullable: true })
  end: Date | null;
}

/** What a user did for customers. */
@ObjectType()
export class UserStats {
  /** Theirs now, begun in the period. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_conversations: number;

  /** Of these, open or pending. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  conversations_active: number;

  /** Of these, resolved or closed. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  conversations_resolved: number;

  /** Messages to customers in the period, without notes and failed ones. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_messages_sent: number;

  /** Mean over their replies in the period, from the oldest message of the customer that nobody had answered; bots answer nothing. null: no reply. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  @Field(() => Number, { nullable: true })
  avg_response_time_minutes: number | null;

  /** Mean over their conversations resolved in the period, since these began or were last reopened. null: none. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  @Field(() => Number, { nullable: true })
  avg_resolution_time_minutes: number | null;

  /** Share of ratings of 4 and 5, in percent, over their conversations rated in the period; null: nobody rated. */
  @Field(() => Number, { nullable: true })
  csat_score: number | null;

  period: StatsPeriod;
}

@ArgsType()
export class StatsArgs extends ArgsOf(PeriodQuery) {}
