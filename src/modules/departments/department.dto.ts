import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsBoolean, IsEnum, IsOptional, IsUUID } from 'class-validator';
import { Role } from '#common/actor';
import { QueryBoolean } from '#common/fields';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { AgentStatus } from '#modules/users/user.entity';
import { Department } from './department.entity';

/** A team of agents, with hours of its own. */
@ObjectType('Department')
@ApiSchema({ name: 'Department' })
export class DepartmentView extends Department {
  /** Agents and administrators who answer for it, the oldest account first. */
  @Field(() => [ID])
  @ApiProperty({ type: [String], format: 'uuid' })
  agent_ids: string[];

  @Field(() => Int)
  total_agents: number;

  /** Of all time. */
  @Field(() => Int)
  total_conversations: number;

  /** Open and pending. */
  @Field(() => Int)
  active_conversations: number;

  /** Those of them that wait for an agent. */
  @Field(() => Int)
  queued_conversations: number;

  /** Until the first reply of a person, over the conversations begun in the last 30 days; null: there was none. */
  @Field(() => Int, { nullable: true })
  average_response_time_seconds: number | null;

  /** Until they were resolved, over the conversations begun in the last 30 days; null: none was. */
  @Field(() => Int, { nullable: true })
  average_resolution_time_seconds: number | null;

  /** 0 to 100; null: nobody has been asked. */
  @Field(() => Int, { nullable: true })
  customer_satisfaction_score: number | null;
}

export class DepartmentPage extends PageOf(DepartmentView) {}

@InputType({ isAbstract: true })
class DepartmentAgents {
  /** Who answers for it; replaces who did. */
  @Field(() => [ID])
  @IsArray()
  @ArrayMaxSize(1000)
  @IsUUID(undefined, { each: true })
  agent_ids: string[];
}

const OPTIONAL = [
  'slug',
  'description',
  'icon',
  'color',
  'is_active',
  'business_hours',
  'timezone',
  'offline_message',
  'routing_mode',
  'auto_assign_conversations',
  'max_conversations_per_agent',
  'settings',
] as const;

@InputType('DepartmentCreateInput')
export class DepartmentCreate extends IntersectionType(
  PickType(Department, ['name']),
  PartialType(IntersectionType(PickType(Department, OPTIONAL), DepartmentAgents)),
) {}

/** Absent keeps, null clears what may be empty. */
@InputType('DepartmentUpdateInput')
export class DepartmentUpdate extends PartialType(DepartmentCreate) {}

export class DepartmentQuery extends PageQuery {
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_active?: boolean;
}

@ArgsType()
export class DepartmentArgs extends ArgsOf(DepartmentQuery) {}

export class DepartmentRemoval {
  /** Takes over its queues, open and pending conversations and agents; active, and another one. */
  @IsOptional()
  @IsUUID()
  move_to_department_id?: string;
}

@ArgsType()
export class DepartmentRemovalArgs extends ArgsOf(DepartmentRemoval) {}

/** The departments of an organization in numbers. */
export class DepartmentTotals {
  total_departments: number;

  active_departments: number;

  /** People: who answers for two departments counts once. */
  total_agents: number;

  total_queued_conversations: number;
}

/** A department in numbers; averages are over the conversations begun in the last 30 days, null without any. */
@ObjectType()
export class DepartmentStats {
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  department_id: string;

  @Field(() => Int)
  total_agents: number;

  /** With a socket open. */
  @Field(() => Int)
  agents_online: number;

  /** Online, and available by their own word. */
  @Field(() => Int)
  agents_available: number;

  /** Open and pending. */
  @Field(() => Int)
  active_conversations: number;

  /** Those of them that wait for an agent. */
  @Field(() => Int)
  queued_conversations: number;

  /** Resolved and closed, of all time. */
  @Field(() => Int)
  completed_conversations: number;

  /** From the queue to the agent. */
  @Field(() => Int, { nullable: true })
  average_wait_time_seconds: number | null;

  /** Until the first reply of a person. */
  @Field(() => Int, { nullable: true })
  average_response_time_seconds: number | null;

  @Field(() => Int, { nullable: true })
  average_resolution_time_seconds: number | null;

  /** 0 to 100; null: nobody has been asked. */
  @Field(() => Int, { nullable: true })
  customer_satisfaction_score: number | null;
}

/** A skill of an agent, in two words. */
@ObjectType()
export class SkillSummary {
  skill_name: string;

  @Field(() => Int)
  proficiency_level: number;
}

/** Somebody who answers customers, as a list of agents shows them. */
@ObjectType()
export class AgentSummary {
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  id: string;

  full_name: string;

  email: string;

  avatar_url: string | null;

  @Field(() => String)
  @ApiProperty({ enum: Role })
  role: Role;

  @Field(() => String)
  @ApiProperty({ enum: AgentStatus })
  agent_status: AgentStatus;

  is_online: boolean;

  /** Open and pending ones that are theirs. */
  @Field(() => Int)
  active_conversations: number;

  /** A to Z. */
  @Field(() => [SkillSummary])
  skills: SkillSummary[];
}

export class AgentSummaryPage extends PageOf(AgentSummary) {}

export class AgentQuery extends PageQuery {
  @IsOptional()
  @IsEnum(AgentStatus)
  agent_status?: AgentStatus;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_online?: boolean;
}

/** What the sockets hear of a department that is gone. */
export class DepartmentGone {
  department_id: string;

  /** Who took over its queues, conversations and agents; null: it had none. */
  moved_to_department_id: string | null;
}
