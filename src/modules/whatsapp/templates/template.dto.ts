import { ArgsType, Field, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsIn, IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { JsonBytes, Trim, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { Template, TemplateButton, TemplateComponent } from './template.entity';
import { FLAT_FIELDS } from './template-form';
import { CATEGORIES } from './template-rules';

/** A place in a template that a send fills. */
@ObjectType()
export class TemplateVariable {
  /** header, body or button. */
  @ApiProperty({ enum: ['header', 'body', 'button'] })
  component: string;

  /** Its number, or its name. */
  key: string;

  /** Which button, from 0; null outside buttons. */
  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  button_index: number | null;

  example: string | null;
}

@ObjectType('WhatsAppTemplate')
@ApiSchema({ name: 'TemplateResponse' })
export class TemplateView extends Template {
  /** TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION; null: no header. */
  header_type: string | null;

  header_text: string | null;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  header_variables_count: number;

  body_text: string | null;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  body_variables_count: number;

  footer_text: string | null;

  /** Meta's form. */
  @Field(() => [Json])
  @ApiProperty({ type: [TemplateButton] })
  buttons: JsonObject[];

  @Field(() => [TemplateVariable])
  variables: TemplateVariable[];

  /** The body with its examples for values, as a customer might read it; null: Meta writes it, and has not yet. */
  rendered_text: string | null;

  /** Messages sent with it that left; those that failed afterwards too. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  sent_count: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  delivered_count: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  read_count: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  failed_count: number;
}

@ApiSchema({ name: 'TemplateList' })
export class TemplatePage extends PageOf(TemplateView) {}

export class TemplateQuery extends PageQuery {
  /** Meta's word, such as APPROVED. */
  @IsOptional()
  @IsString()
  @MaxLength(30)
  status?: string;

  /** MARKETING, UTILITY or AUTHENTICATION. */
  @IsOptional()
  @IsString()
  @MaxLength(30)
  category?: string;

  @IsOptional()
  @IsString()
  @MaxLength(20)
  language?: string;

  @IsOptional()
  @IsString()
  @MaxLength(512)
  name?: string;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_enabled?: boolean;
}

@ArgsType()
export class TemplateFilter extends ArgsOf(TemplateQuery, PAGING) {}

/** Meta's words in capitals. */
export const Capitals = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().toUpperCase() : value));

/** Far more than Meta's largest carousel. */
const COMPONENTS_BYTES = 65_536;

@InputType({ isAbstract: true })
class TemplateContent {
  /** MARKETING, UTILITY or AUTHENTICATION, in any case. */
  @ApiProperty({ enum: CATEGORIES })
  @Capitals()
  @IsString()
  @IsIn(CATEGORIES)
  category: string;

  /** Meta's form. A header's example may be `{media_id}`, an upload of ours, or `{link}`. */
  @Field(() => [Json])
  @ApiProperty({ type: [TemplateComponent] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @IsObject({ each: true })
  @JsonBytes(COMPONENTS_BYTES)
  components: JsonObject[];
}

@InputType({ isAbstract: true })
class TemplateKey {
  /** Lower-case letters, digits and underscores; cannot be changed later. */
  @Trim()
  @IsString()
  @Matches(/^[a-z0-9_]{1,512}$/, { message: 'name must be 1 to 512 lower-case letters, digits and underscores' })
  name: string;
}

@InputType({ isAbstract: true })
class FlatFields {
  /** Meta's code of the language, such as pt_BR; default pt_BR. Cannot be changed later. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().replace('-', '_') : value))
  @IsOptional()
  @IsString()
  @Matches(/^[a-z]{2,3}(_[A-Za-z]{2,4})?$/, { message: 'language must be one of Meta’s codes, such as pt_BR, en_US or es' })
  language?: string | null;

  /** Instead of `components`: TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION; a `header_text` alone is TEXT. */
  @Capitals()
  @IsOptional()
  @IsString()
  @MaxLength(20)
  header_type?: string | null;

  /** Instead of `components`. */
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  header_text?: string | null;

  /** Instead of `components`; Meta writes that of AUTHENTICATION. */
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  body_text?: string | null;

  /** Instead of `components`. */
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  footer_text?: string | null;

  /** Instead of `components`: Meta's form of each. */
  @Field(() => [Json], { nullable: true })
  @ApiPropertyOptional({ type: [TemplateButton], nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  @JsonBytes(COMPONENTS_BYTES)
  buttons?: JsonObject[] | null;

  /** With the flat fields: `header` (a value, or `{media_id}` or `{link}` of a file), `body` (a list, or an object by name), `buttons` (by place). */
  @Field(() => Json, { nullable: true })
  @ApiPropertyOptional({ type: 'object', additionalProperties: true, nullable: true, example: { body: ['Ana', '1042'] } })
  @IsOptional()
  @IsObject()
  @JsonBytes(COMPONENTS_BYTES)
  examples?: JsonObject | null;

  /** Passed on with the first submission; Meta decides either way. Default true. */
  @IsOptional()
  @IsBoolean()
  allow_category_change?: boolean | null;
}

/** A text for Meta to approve: `components` in its form, or laid flat. null is the same as absent. */
@InputType('WhatsAppTemplateCreateInput')
@ApiSchema({ name: 'TemplateCreateRequest' })
export class TemplateCreate extends IntersectionType(
  IntersectionType(TemplateKey, PickType(TemplateContent, ['category'])),
  IntersectionType(FlatFields, PartialType(PickType(TemplateContent, ['components']))),
) {}

/** The switch, or another text, which Meta reviews again: `components` replaces all of it, a flat field its part, null takes that away. Name and language stay. */
@InputType('WhatsAppTemplateUpdateInput')
@ApiSchema({ name: 'TemplateUpdateRequest' })
export class TemplateUpdate extends IntersectionType(
  PartialType(IntersectionType(PickType(Template, ['is_enabled']), TemplateContent)),
  PickType(FlatFields, FLAT_FIELDS),
) {}

export class TemplateSubmitQuery {
  /** false: the draft is only kept. Default true. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  submit?: boolean;
}

@ArgsType()
export class TemplateSubmitArgs extends ArgsOf(TemplateSubmitQuery) {}

export class TemplateLanguageQuery {
  /** For a name that stands in several languages; default pt_BR. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(20)
  language?: string;
}

export class TemplateRemovalQuery extends TemplateLanguageQuery {
  /** Also at Meta, which keeps the name for 30 days. Without, Meta keeps it, and no sync brings it back unless forced. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  delete_from_meta?: boolean;
}

@ArgsType()
export class TemplateRemovalArgs extends ArgsOf(TemplateRemovalQuery, ['language']) {}

export class TemplateSyncQuery {
  /** Also bring back what was deleted here only. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  force?: boolean;
}

@ArgsType()
export class TemplateSyncArgs extends ArgsOf(TemplateSyncQuery) {}

/** What the sockets hear of Meta's word on a template. */
export class TemplateStatusNews {
  template_id: string;

  name: string;

  language: string;

  /** Meta's word, such as APPROVED or REJECTED. */
  status: string;

  /** Why Meta refused it. */
  rejected_reason?: string;
}

@ObjectType('TemplateSyncResponse')
@ApiSchema({ name: 'TemplateSyncResponse' })
export class TemplateSync {
  /** created + updated. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  synced: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  created: number;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  updated: number;

  /** Meta no longer has them. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  deleted: number;

  /** One line for each template that could not be read. */
  errors: string[];
}
