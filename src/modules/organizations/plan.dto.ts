import { Field, ObjectType } from '@nestjs/graphql';

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
