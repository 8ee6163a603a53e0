import { Field, InputType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsEmail,
  IsIn,
  IsNumber,
  IsOptional,
  IsString,
  Length,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { NestedEach, NotBlank } from '#common/fields';

export const MEDIA_TYPES = ['image', 'video', 'audio', 'document', 'sticker'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

export const TEXT_MAX = 4096;
export const CAPTION_MAX = 1024;

/** A place. */
@InputType()
export class LocationInput {
  @ApiProperty({ format: 'double' })
  @IsNumber()
  @Min(-90)
  @Max(90)
  latitude: number;

  @ApiProperty({ format: 'double' })
  @IsNumber()
  @Min(-180)
  @Max(180)
  longitude: number;

  @IsOptional()
  @IsString()
  @MaxLength(256)
  name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(512)
  address?: string;
}

/** A contact card. */
@InputType()
export class CardInput {
  @IsString()
  @Length(1, 255)
  @NotBlank()
  name: string;

  @IsString()
  @MaxLength(40)
  phone: string;

  @IsOptional()
  @IsEmail()
  @MaxLength(255)
  email?: string;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  organization?: string;
}

@InputType()
export class ButtonInput {
  @IsString()
  @Length(1, 256)
  id: string;

  @IsString()
  @Length(1, 20)
  @NotBlank()
  title: string;
}

@InputType()
class ListRowInput {
  @IsString()
  @Length(1, 200)
  id: string;

  @IsString()
  @Length(1, 24)
  @NotBlank()
  title: string;

  @IsOptional()
  @IsString()
  @MaxLength(72)
  description?: string;
}

@InputType()
export class ListSectionInput {
  /** Required where there is more than one section. */
  @IsOptional()
  @IsString()
  @MaxLength(24)
  title?: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @NestedEach(() => ListRowInput)
  rows: ListRowInput[];
}

/** An interactive message inside a conversation: `kind` buttons or list, fields as in `/whatsapp/send-buttons` and `/whatsapp/send-list`. */
@InputType()
export class InteractiveInput {
  @Field(() => String)
  @IsIn(['buttons', 'list'])
  kind: 'buttons' | 'list';

  @IsString()
  @Length(1, 4096)
  @NotBlank()
  body: string;

  @IsOptional()
  @IsString()
  @MaxLength(60)
  header?: string;

  @IsOptional()
  @IsString()
  @MaxLength(60)
  footer?: string;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(3)
  @ArrayUnique((button: ButtonInput) => button?.id)
  @NestedEach(() => ButtonInput)
  buttons?: ButtonInput[];

  @IsOptional()
  @IsString()
  @Length(1, 20)
  @NotBlank()
  button_text?: string;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @NestedEach(() => ListSectionInput)
  sections?: ListSectionInput[];
}
