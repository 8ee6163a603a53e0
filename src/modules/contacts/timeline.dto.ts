import { ArgsType, Field, ID, ObjectType } from '@nestjs/graphql';
import { ApiProperty, PickType } from '@nestjs/swagger';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PageQuery } from '#common/page.dto';

/** Something that happened with a contact. */
@ObjectType()
export class TimelineEntry {
  /** Like no other entry's. */
  @Field(() => ID)
  @ApiProperty({ example: '019aa000-0000-7000-8000-000000000c02.started', maxLength: 64 })
  id: string;

  /** conversation, consent, edit or tag. */
  @ApiProperty({ example: 'conversation' })
  type: string;

  /** What happened, such as `conversation.started` or `contact.updated`. */
  @ApiProperty({ example: 'conversation.started' })
  action: string;

  occurred_at: Date;

  /** Who did it; null: nobody of the team. */
  @Field(() => ID, { nullable: true })
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  user_id: string | null;

  /** As they are called today. */
  user_name: string | null;

  /** What the entry is about, by its type: ids, states, changed fields (values of what says who it is are `***`), tags. */
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: true, example: { conversation_id: '019aa000-0000-7000-8000-000000000c02' } })
  data: JsonObject;
}

/** What happened with a contact, the newest first. */
@ObjectType()
export class ContactTimeline {
  @Field(() => [TimelineEntry])
  items: TimelineEntry[];

  /** The `cursor` of what is older; null at the end. */
  next_cursor: string | null;
}

export class TimelineQuery extends PickType(PageQuery, ['limit', 'cursor']) {
  /** conversation, consent, edit or tag; several with commas. Default: all. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  @Matches(/^[a-z_]+(,[a-z_]+)*$/, { message: 'type must be kinds of entries, with commas' })
  type?: string;
}

@ArgsType()
export class TimelineArgs extends ArgsOf(TimelineQuery) {}
