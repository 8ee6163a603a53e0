import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsInt, IsObject, IsOptional, IsUUID, Max, Min } from 'class-validator';
import { JsonBytes, Nested, NestedEach, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { AgentSummary } from '#modules/departments/department.dto';
import { Queue } from './queue.entity';
import { QueueSettings } from './queue-settings.dto';
import { OBSTACLES } from './routing/choose-agent';
import { QueueOffer } from './offers/queue-offer.entity';

/** A line of conversations that wait for an agent. */
@ObjectType('Queue')
@ApiSchema({ name: 'Queue' })
export class QueueView extends Queue {
  /** Of all time. */
  @Field(() => Int)
  total_conversations: number;

  /** Open and pending, with an agent. */
  @Field(() => Int)
  active_conversations: number;

  /** Those that wait for one. */
  @Field(() => Int)
  queued_conversations: number;

  /** Since when the one waits that has waited longest; null: none does. */
  waiting_since: Date | null;

  /** Resolved and closed. */
  @Field(() => Int)
  completed_conversations: number;

  /** Until they had an agent, over those that entered in the last 30 days; null: none did. */
  @Field(() => Int, { nullable: true })
  average_wait_time_seconds: number | null;

  /** Until the first answer of a person, likewise. */
  @Field(() => Int, { nullable: true })
  average_response_time_seconds: number | null;

  /** Until they were resolved, likewise. */
  @Field(() => Int, { nullable: true })
  average_resolution_time_seconds: number | null;

  /** Share of ratings of 4 and 5, in percent, likewise; null: nobody rated. */
  @Field(() => Int, { nullable: true })
  customer_satisfaction_score: number | null;

  /** As many wait as may. */
  is_overloaded: boolean;

  /** It is on, and not overloaded. */
  has_capacity: boolean;

  /** Within its business hours. */
  is_open: boolean;
}

export class QueuePage extends PageOf(QueueView) {}

const OPTIONAL = [
  'slug',
  'description',
  'icon',
  'color',
  'is_active',
  'priority',
  'sla_minutes',
  'routing_mode',
  'auto_assign_conversations',
  'max_conversations_per_agent',
  'max_queue_size',
  'overflow_queue_id',
] as const;

@InputType({ isAbstract: true })
class GivenSettings {
  /** Who serves it and when; given keys replace those there are, null takes one away, keys of your own are kept. At most 16 KB. */
  @ApiProperty({ type: () => QueueSettings })
  @Field(() => Json)
  @IsObject()
  @JsonBytes(16_384)
  settings: JsonObject;
}

/** The keys we know, as they are checked. */
export class KnownSettings {
  @Nested(() => QueueSettings)
  settings: QueueSettings;
}

@InputType('QueueCreateInput')
export class QueueCreate extends IntersectionType(
  PickType(Queue, ['department_id', 'name']),
  PartialType(IntersectionType(PickType(Queue, OPTIONAL), GivenSettings)),
) {}

/** Absent keeps, null clears what may be empty. */
@InputType('QueueUpdateInput')
export class QueueUpdate extends PartialType(QueueCreate) {}

export class QueueQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  department_id?: string;

  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  is_active?: boolean;
}

@ArgsType()
export class QueueArgs extends ArgsOf(QueueQuery) {}

/** Which queues are meant: one, those of a department, all of them. */
export class QueueChoice {
  @IsOptional()
  @IsUUID()
  queue_id?: string;

  @IsOptional()
  @IsUUID()
  department_id?: string;
}

@ArgsType()
export class QueueChoiceArgs extends ArgsOf(QueueChoice) {}

/** Conversations that wait, next first unless `sort` says otherwise. */
export class WaitingQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  queue_id?: string;

  @IsOptional()
  @IsUUID()
  department_id?: string;
}

@ArgsType()
export class WaitingArgs extends ArgsOf(WaitingQuery) {}

export class QueueOfSlug {
  /** Needed where queues of several departments have this slug. */
  @IsOptional()
  @IsUUID()
  department_id?: string;
}

export class QueueRemoval {
  /** Where its open conversations go. */
  @IsOptional()
  @IsUUID()
  move_to_queue_id?: string;
}

@ArgsType()
export class QueueRemovalArgs extends ArgsOf(QueueRemoval) {}

export class QueueBulkDelete {
  /** Those that are not there are left out. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsUUID(undefined, { each: true })
  queue_ids: string[];

  /** Where their open conversations go. */
  @IsOptional()
  @IsUUID()
  move_to_queue_id?: string;
}

@InputType('QueueReorderInput')
export class QueuePriority {
  @IsUUID()
  @Field(() => ID)
  queue_id: string;

  @IsInt()
  @Min(0)
  @Max(100)
  @Field(() => Int)
  new_priority: number;
}

@ArgsType()
export class QueueReorder {
  /** All or none of them. */
  @Field(() => [QueuePriority])
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @NestedEach(() => QueuePriority)
  reorders: QueuePriority[];
}

/** Somebody who may serve a queue, or why not. */
@ObjectType()
export class QueueAgent extends AgentSummary {
  /** Gets conversations of it by themselves, now. */
  eligible: boolean;

  /** What is against it: inactive, offline, not_available, not_in_department, not_allowed, missing_skill, at_capacity. */
  @ApiProperty({ enum: OBSTACLES, isArray: true })
  @Field(() => [String])
  reasons: string[];
}

export class QueueAgentPage extends PageOf(QueueAgent) {}

export class QueueOfferPage extends PageOf(QueueOffer) {}
