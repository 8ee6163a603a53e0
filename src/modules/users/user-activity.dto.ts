import { ArgsType, Field, ID, ObjectType } from '@nestjs/graphql';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PageOf } from '#common/page.dto';
import { HistoryQuery } from '#common/period.dto';

/** Something a user did. */
@ObjectType()
export class ActivityEntry {
  @Field(() => ID)
  id: string;

  /** `resource.verb`. */
  action: string;

  resource_type: string;

  @Field(() => String, { nullable: true })
  resource_id: string | null;

  /** In one line, for people. */
  summary: string;

  @Field(() => Json)
  metadata: JsonObject;

  @Field(() => String, { nullable: true })
  ip_address: string | null;

  @Field(() => String, { nullable: true })
  user_agent: string | null;

  created_at: Date;
}

export class ActivityEntryPage extends PageOf(ActivityEntry) {}

export class ActivityQuery extends HistoryQuery {
  /** `resource.verb`, such as `conversation.assigned`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  /** Such as `conversation`. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  resource_type?: string;
}

@ArgsType()
export class ActivityArgs extends ArgsOf(ActivityQuery) {}
