import { Field, Float, Int } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { PlanType } from './organization.entity';
import { PlanLimitOverrides, PlanLimits, PlanUsage } from './plan.dto';

interface Resource {
  /** What is counted, for people. */
  text: string;
  /** How much each plan allows; -1: no limit. */
  limits: Record<`${PlanType}`, number>;
  /** How much is in use in organization $1, whose time zone is $2: a SELECT of one number. */
  usage: string;
  /** It may not fit 32 bits. */
  is_large?: boolean;
  /** The count begins anew each month. */
  is_monthly?: boolean;
}

const INT_MAX = 2 ** 31 - 1;

const RESOURCES = new Map<string, Resource>();

/** What plans limit, by name; each room adds its own by declaration merging, beside its declaration. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- each room adds its own
export interface PlanResources {}

export type PlanResource = keyof PlanResources;

/** Something plans limit, beside its entity: `max_…` of `plan_limits` and its count in `plan_usage`. */
export function declareResource(name: PlanResource, resource: Resource): void {
  if (RESOURCES.has(name)) throw new Error(`The plan resource ${name} is declared twice`);
  RESOURCES.set(name, resource);
  const { text, is_large } = resource;
  for (const [shown, field] of [
    [PlanLimits, `max_${name}`],
    [PlanUsage, name],
  ] as const) {
    Field(() => (is_large ? Float : Int), { description: text })(shown.prototype, field);
    ApiProperty({ type: 'integer', ...(is_large && { format: 'int64' }), description: text })(shown.prototype, field);
  }
  const own = PlanLimitOverrides.prototype;
  const [field, maximum] = [`max_${name}`, is_large ? Number.MAX_SAFE_INTEGER : INT_MAX];
  for (const rule of [IsOptional(), IsInt(), Min(-1), Max(maximum)]) rule(own, field);
  Field(() => (is_large ? Float : Int), { nullable: true, description: text })(own, field);
  ApiProperty({ type: 'integer', nullable: true, required: false, minimum: -1, maximum, description: text })(own, field);
}

export const planResources = (): ReadonlyMap<string, Resource> => RESOURCES;
