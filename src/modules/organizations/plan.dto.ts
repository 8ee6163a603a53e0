import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsOptional, IsString, MaxLength } from 'class-validator';

/** How much an organization may have; -1: no limit. What plans limit is declared by the rooms (plan-resources.ts). */
@ObjectType()
export class PlanLimits {
  [max: `max_${string}`]: number;

  /** Names of what else the plan opens. */
  @Field(() => [String])
  features: string[];
}

/** How much of it is in use now. */
@ObjectType()
export class PlanUsage {
  [resource: string]: number;
}

/** Limits of an organization's own, over its plan's; null takes one away again. */
@InputType('PlanLimitOverridesInput')
export class PlanLimitOverrides {
  [max: `max_${string}`]: number | null | undefined;

  /** Names of what else is open to it. */
  @Field(() => [String], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @MaxLength(100, { each: true })
  features?: string[] | null;
}
