import { Field, InputType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import { Alias } from '#common/alias';
import { Json, type JsonObject } from '#common/json.scalar';

/** One value, in Meta's form; of another type than text under the key of its name, such as `image: {link}`. */
export class TemplateParameter {
  @ApiProperty({ example: 'text', description: 'text, currency, date_time, image, video, document, location, payload and the like.' })
  type: string;

  @ApiPropertyOptional({ example: 'João' })
  text?: string;

  /** For templates with named variables. */
  @ApiPropertyOptional()
  parameter_name?: string;
}

/** The values of a part of a template, in Meta's form. */
export class TemplateValues {
  @ApiProperty({ example: 'body', description: 'header, body, button and the like.' })
  type: string;

  /** Of a button: url, quick_reply, copy_code or flow. */
  @ApiPropertyOptional()
  sub_type?: string;

  /** Of a button: which, from 0. */
  @ApiPropertyOptional()
  index?: string;

  @ApiProperty({ type: [TemplateParameter] })
  parameters: TemplateParameter[];
}

/** Values of a template's variables, in one of the simple forms or in Meta's. */
@InputType('TemplateSendInput')
export class TemplateValuesInput {
  /** Alias: name. */
  @Alias('name')
  @IsOptional()
  @IsString()
  @MaxLength(512)
  template_name?: string;

  /** Local id, Meta's id, or the name. */
  @IsOptional()
  @IsString()
  @MaxLength(512)
  template_id?: string;

  /** Default pt_BR. */
  @IsOptional()
  @IsString()
  @MaxLength(20)
  language?: string;

  /** A list for the body's variables in order, or an object by index or name. */
  @Field(() => Json, { nullable: true })
  @ApiPropertyOptional({
    oneOf: [
      { type: 'array', items: { type: 'string' } },
      { type: 'object', additionalProperties: { type: 'string' } },
    ],
  })
  @IsOptional()
  parameters?: unknown;

  /** Of the header's text as `parameters`; of a file `{link}` or `{id}`; of a place `{latitude, longitude, name, address}`. */
  @Field(() => Json, { nullable: true })
  @ApiPropertyOptional({
    oneOf: [
      { type: 'array', items: { type: 'string' } },
      { type: 'object', additionalProperties: true },
    ],
  })
  @IsOptional()
  header_parameters?: unknown;

  /** In order of the buttons that take a value, or an object by button index. */
  @Field(() => Json, { nullable: true })
  @ApiPropertyOptional({
    oneOf: [
      { type: 'array', items: { type: 'string' } },
      { type: 'object', additionalProperties: true },
    ],
  })
  @IsOptional()
  button_parameters?: unknown;

  /** Meta's format; instead of the three above. */
  @Field(() => [Json], { nullable: true })
  @ApiPropertyOptional({ type: [TemplateValues] })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsObject({ each: true })
  components?: JsonObject[];
}
