import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsOptional, IsString, MaxLength } from 'class-validator';
import { Trim, QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { variablesOf } from '../meta/template-parameters';
import { asList, asObject, asText, isObject } from '../meta/wire';
import { Template, TemplateButton } from './template.entity';

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

export class TemplateLanguageQuery {
  /** For a name that stands in several languages; default pt_BR. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(20)
  language?: string;
}

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

/** A template as the API shows it: Meta's components, and the same laid flat. */
export function presentTemplate(template: Template): TemplateView {
  const { deleted_at: _, ...shown } = template;
  const parts = asList(template.components).filter(isObject);
  const part = (type: string): JsonObject | undefined => parts.find((one) => asText(one.type)?.toUpperCase() === type);
  const [header, body, footer, buttons] = ['HEADER', 'BODY', 'FOOTER', 'BUTTONS'].map(part);
  const buttonList = asList(buttons?.buttons).filter(isObject);
  const header_text = asText(header?.text);
  const inHeader = variablesOf(header_text);
  const inBody = variablesOf(body?.text);
  return {
    ...shown,
    header_type: header ? (asText(header.format)?.toUpperCase() ?? 'TEXT') : null,
    header_text,
    header_variables_count: inHeader.length,
    body_text: asText(body?.text, 4096),
    body_variables_count: inBody.length,
    footer_text: asText(footer?.text),
    buttons: buttonList,
    variables: [
      ...inHeader.map((key, n) => ({ component: 'header', key, button_index: null, example: exampleOf(header, 'header_text', key, n) })),
      ...inBody.map((key, n) => ({ component: 'body', key, button_index: null, example: exampleOf(body, 'body_text', key, n) })),
      ...buttonList.flatMap((button, button_index) =>
        variablesOf(button.url).map((key) => ({
          component: 'button',
          key,
          button_index,
          example: asText(asList(button.example)[0], 2048),
        })),
      ),
    ],
  } as unknown as TemplateView;
}

/** Meta: `header_text: ["x"]`, `body_text: [["x", "y"]]`, and both as `..._named_params: [{param_name, example}]`. */
function exampleOf(component: JsonObject | undefined, field: 'header_text' | 'body_text', key: string, n: number): string | null {
  const example = asObject(component?.example);
  const named = asList(example?.[`${field}_named_params`])
    .filter(isObject)
    .find((one) => one.param_name === key);
  if (named) return asText(named.example);
  const values = asList(example?.[field]);
  return asText(Array.isArray(values[0]) ? (values[0] as unknown[])[n] : values[n]);
}
