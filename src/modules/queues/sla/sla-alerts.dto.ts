import { ArgsType, Field, Float, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema, OmitType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsNumber, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { inheritAliases } from '#common/alias';
import { ArgsOf } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { ConversationPriority } from '#modules/conversations/conversation.entity';

export const ALERTS_DEFAULT = 100;
export const ALERTS_MAX = 200;

export class SlaAlertQuery extends OmitType(PageQuery, ['limit', 'cursor', 'search', 'sort']) {
  /** Rows at most; above 200 counts as 200. */
  @ApiPropertyOptional({ default: ALERTS_DEFAULT })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  limit?: number;

  @IsOptional()
  @IsUUID()
  department_id?: string;

  @IsOptional()
  @IsUUID()
  queue_id?: string;

  /** From how much of the SLA on: 0.1 to 1. */
  @ApiPropertyOptional({ type: 'number', format: 'double', default: 0.8 })
  @IsOptional()
  @Type(() => Number)
  @IsNumber()
  @Min(0.1)
  @Max(1)
  nearing_threshold?: number;
}
inheritAliases(PageQuery.prototype, SlaAlertQuery.prototype, ['skip']);

@ArgsType()
export class SlaAlertArgs extends ArgsOf(SlaAlertQuery) {}

/** A conversation that waits and whose SLA is nearly over, or over. */
@ObjectType()
export class SlaAlert {
  @Field(() => ID)
  conversation_id: string;

  @Field(() => ID)
  contact_id: string;

  contact_name: string | null;

  contact_phone: string | null;

  @Field(() => ID)
  queue_id: string;

  queue_name: string;

  @Field(() => ID)
  department_id: string;

  @ApiProperty({ type: 'integer' })
  @Field(() => Int)
  sla_minutes: number;

  queued_at: Date;

  /** Open minutes. */
  @ApiProperty({ type: 'number', format: 'double' })
  @Field(() => Float)
  waited_minutes: number;

  /** 1: all that is allowed. */
  @ApiProperty({ type: 'number', format: 'double' })
  @Field(() => Float)
  progress: number;

  /** critical: it is over. */
  @ApiProperty({ enum: ['warning', 'critical'] })
  @Field(() => String)
  severity: 'warning' | 'critical';

  @ApiProperty({ enum: ConversationPriority })
  @Field(() => String)
  priority: ConversationPriority;
}

@ApiSchema({ name: 'SlaAlertList' })
export class SlaAlertPage extends PageOf(SlaAlert) {
  @ApiProperty({ type: 'integer', minimum: 1, maximum: ALERTS_MAX, example: ALERTS_DEFAULT })
  declare page_size: number;
}
