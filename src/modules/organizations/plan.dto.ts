import { Field, Float, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';

/** How much an organization may have; -1: no limit. */
@ObjectType()
export class PlanLimits {
  @Field(() => Int)
  max_users: number;

  @Field(() => Int)
  max_whatsapp_numbers: number;

  @Field(() => Int)
  max_contacts: number;

  /** Outgoing messages per calendar month, in the organization's time zone. */
  @Field(() => Int)
  max_messages_per_month: number;

  @Field(() => Int)
  max_chatbots: number;

  @Field(() => Int)
  max_campaigns: number;

  @Field(() => Int)
  max_departments: number;

  /** What all files may take; uploads stop there, what customers send is kept beyond it too. */
  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64' })
  max_media_bytes: number;

  /** Names of what else the plan opens. */
  @Field(() => [String])
  features: string[];
}

/** How much of it is in use now. */
@ObjectType()
export class PlanUsage {
  @Field(() => Int)
  users: number;

  @Field(() => Int)
  whatsapp_numbers: number;

  @Field(() => Int)
  contacts: number;

  /** Outgoing messages of this calendar month, in the organization's time zone. */
  @Field(() => Int)
  messages_per_month: number;

  @Field(() => Int)
  chatbots: number;

  @Field(() => Int)
  campaigns: number;

  @Field(() => Int)
  departments: number;

  /** What the files kept here take: the team's uploads and what customers sent. */
  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64' })
  media_bytes: number;
}

/** What a plan counts. */
export type PlanResource = keyof PlanUsage;
