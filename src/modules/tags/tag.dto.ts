import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { oneLine } from '#common/one-line';
import { PageOf, PageQuery } from '#common/page.dto';
import { Tag } from './tag.entity';

/** A label of contacts. */
@ObjectType('Tag')
@ApiSchema({ name: 'Tag' })
export class TagView extends Tag {
  /** Contacts that have it now. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  contacts_count: number;
}

/** A tag as its contacts show it. */
@ObjectType()
export class TagDetail {
  @Field(() => ID)
  id: string;

  name: string;

  @ApiProperty({ example: '#3B82F6' })
  color: string;
}

@ApiSchema({ name: 'TagList' })
export class TagPage extends PageOf(TagView) {}

@InputType('TagInput')
export class TagCreate extends IntersectionType(PickType(Tag, ['name']), PartialType(PickType(Tag, ['color', 'description']))) {}

/** Absent keeps, null clears the description. */
@InputType('TagUpdateInput')
export class TagUpdate extends PartialType(TagCreate) {}

@ArgsType()
export class TagArgs extends ArgsOf(PageQuery) {}

/** Names and ids, with commas or as a list; each trimmed. */
export const TagList = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => {
    const list = typeof value === 'string' ? value.split(',') : value;
    return Array.isArray(list) ? list.map((item: unknown) => (typeof item === 'string' ? oneLine(item) : item)) : list;
  });
