import { Field, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { Json } from '#common/json.scalar';

/** All contacts of the organization, in numbers. */
@ObjectType()
export class ContactOrganizationStats {
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_contacts: number;

  /** Not blocked, and opted in. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  active_contacts: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  blocked_contacts: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  vip_contacts: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  opted_out_contacts: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  contacts_with_tags: number;

  /** Created in the last seven days. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  recent_contacts: number;

  /** Created today, in the organization's time zone. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  new_today: number;

  /** Created in the last seven days. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  new_this_week: number;

  /** Created in the last thirty days. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  new_this_month: number;

  /** Contacts by their stage, the hundred most frequent ones; `unknown`: they have none. */
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { lead: 12, customer: 5 } })
  by_lifecycle_stage: Record<string, number>;

  /** Contacts by where they came from, the hundred most frequent sources. */
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { whatsapp: 15, api: 2 } })
  by_source: Record<string, number>;
}
