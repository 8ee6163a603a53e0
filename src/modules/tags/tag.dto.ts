import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsString, Length } from 'class-validator';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { oneLine } from '#common/one-line';
import { PageOf, PageQuery } from '#common/page.dto';
import { TAGS_OF_CONTACT_MAX } from './contact-tag.entity';
import { TAG_NAME_MAX, Tag } from './tag.entity';

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

/** What every list takes. */
export class TagQuery extends PageQuery {}

@ArgsType()
export class TagArgs extends ArgsOf(TagQuery) {}

/** Names and ids of tags, at most as many as a contact may have, each on one line. Beside `@IsArray()`, which the plugins read. */
export const TagRefList = (): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(trimmed) : value)),
    ArrayMaxSize(TAGS_OF_CONTACT_MAX),
    IsString({ each: true }),
    Length(1, TAG_NAME_MAX, { each: true }),
  );

/** The same of a query: with commas. Above `@TagRefList()`. */
export const TagRefText = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string') return value;
    const refs = value.split(',').map(trimmed).filter(Boolean);
    return refs.length ? refs : undefined;
  });

const trimmed = (ref: unknown): unknown => (typeof ref === 'string' ? oneLine(ref) : ref);
