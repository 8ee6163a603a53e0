import { ArgsType, Field, ID, InputType } from '@nestjs/graphql';
import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  IsUUID,
  IsUrl,
  Length,
  MaxLength,
} from 'class-validator';
import { Alias } from '#common/alias';
import { Nested, NestedEach, NotBlank } from '#common/fields';
import { IntersectionType } from '#common/mapped-types';
import { TemplateValuesInput } from './template-values.dto';
import {
  ButtonInput,
  CAPTION_MAX,
  CardInput,
  InteractiveInput,
  ListSectionInput,
  LocationInput,
  MEDIA_TYPES,
  MediaType,
  TEXT_MAX,
} from './message-parts.dto';

/** What every `/whatsapp/send*` takes: to whom, from which number, in reply to what. */
@InputType({ isAbstract: true })
export class SendTarget {
  /** The recipient's phone, with its country code also where it has no `+`: 55 11 98765-4321. Without 55 it is somebody's in another country. */
  @IsString()
  @MaxLength(40)
  to: string;

  /** Alias: from. The default number when absent. */
  @Alias('from')
  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;

  @IsOptional()
  @IsUUID()
  conversation_id?: string;

  @IsOptional()
  @IsUUID()
  reply_to_message_id?: string;

  /** Your own id of this message; comes back in answers and events. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  client_reference?: string;
}

/** A text; or, with `type` template, a template. */
@InputType({ isAbstract: true })
class TextInput {
  /** Aliases: content, text. Not needed for `type` template. */
  @Alias('content', 'text')
  @IsOptional()
  @IsString()
  @Length(1, TEXT_MAX)
  message?: string;

  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsIn(['text', 'template'])
  type?: 'text' | 'template';

  @IsOptional()
  @IsBoolean()
  preview_url?: boolean;
}

export class SendText extends IntersectionType(SendTarget, IntersectionType(TextInput, TemplateValuesInput)) {}

export class SendTemplate extends IntersectionType(SendTarget, TemplateValuesInput) {}

const URL_RULE = { protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true };

export class SendMedia extends SendTarget {
  @IsIn(MEDIA_TYPES)
  type: MediaType;

  /** Where Meta fetches the file, on numbers by QR code PyTake; or `media_id`. */
  @IsOptional()
  @IsUrl(URL_RULE)
  @MaxLength(2048)
  media_url?: string;

  /** A file of `POST /whatsapp/media`. */
  @IsOptional()
  @IsUUID()
  media_id?: string;

  /** Not for audio and stickers. */
  @IsOptional()
  @IsString()
  @MaxLength(CAPTION_MAX)
  caption?: string;

  /** Documents. */
  @IsOptional()
  @IsString()
  @MaxLength(240)
  filename?: string;
}

export class SendAudio extends SendTarget {
  @Alias('media_url')
  @IsOptional()
  @IsUrl(URL_RULE)
  @MaxLength(2048)
  audio_url?: string;

  @IsOptional()
  @IsUUID()
  media_id?: string;

  /** A voice note; the file must be ogg/opus. */
  @IsOptional()
  @IsBoolean()
  voice?: boolean;
}

export class SendDocument extends SendTarget {
  @Alias('media_url')
  @IsOptional()
  @IsUrl(URL_RULE)
  @MaxLength(2048)
  document_url?: string;

  @IsOptional()
  @IsUUID()
  media_id?: string;

  @IsOptional()
  @IsString()
  @MaxLength(240)
  filename?: string;

  @IsOptional()
  @IsString()
  @MaxLength(CAPTION_MAX)
  caption?: string;
}

export class SendLocation extends IntersectionType(SendTarget, LocationInput) {}

export class SendContact extends SendTarget {
  /** One card; or `contacts`. */
  @IsOptional()
  @Nested(() => CardInput)
  contact?: CardInput;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @NestedEach(() => CardInput)
  contacts?: CardInput[];
}

/** Up to three reply buttons under a text. */
@InputType({ isAbstract: true })
export class ButtonsInput {
  /** Alias: body. */
  @Alias('body')
  @IsString()
  @Length(1, 1024)
  @NotBlank()
  message: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(3)
  @ArrayUnique((button: ButtonInput) => button?.id)
  @NestedEach(() => ButtonInput)
  buttons: ButtonInput[];

  @IsOptional()
  @IsString()
  @MaxLength(60)
  header?: string;

  @IsOptional()
  @IsString()
  @MaxLength(60)
  footer?: string;
}

export class SendButtons extends IntersectionType(SendTarget, ButtonsInput) {}

export class SendList extends SendTarget {
  /** Alias: message. */
  @Alias('message')
  @IsString()
  @Length(1, 4096)
  @NotBlank()
  body: string;

  /** The header. Alias: header. */
  @Alias('header')
  @IsOptional()
  @IsString()
  @MaxLength(60)
  title?: string;

  /** Opens the list. */
  @IsString()
  @Length(1, 20)
  @NotBlank()
  button_text: string;

  @IsOptional()
  @IsString()
  @MaxLength(60)
  footer?: string;

  /** At most 10 rows in all. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @NestedEach(() => ListSectionInput)
  sections: ListSectionInput[];
}

const SENDABLE = [...['text', 'template', 'location', 'contacts', 'interactive'], ...MEDIA_TYPES] as const;

/** A message into a conversation. The type is inferred when it is not said: template, media, location, contacts, interactive, else text. */
@ArgsType()
export class MessageSendRequest {
  /** Alias: type. */
  @Alias('type')
  @IsOptional()
  @IsIn(SENDABLE)
  message_type?: string;

  /** Aliases: message, text. The text, or an object: {text, preview_url}, {url, caption, filename}, {name, language, components}. */
  @Alias('message', 'text')
  @ApiPropertyOptional({
    oneOf: [
      { type: 'string', maxLength: TEXT_MAX },
      { type: 'object', additionalProperties: true },
    ],
    example: 'Olá! Como posso ajudar?',
  })
  @Field(() => String, { nullable: true })
  @IsOptional()
  content?: unknown;

  /** Where Meta fetches the file, on numbers by QR code PyTake; or `media_id`. */
  @IsOptional()
  @IsUrl(URL_RULE)
  @MaxLength(2048)
  media_url?: string;

  /** A file of `POST /whatsapp/media`; its kind says `message_type` where that is absent. */
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  media_id?: string;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  media_type?: string;

  /** Alias: caption. */
  @Alias('caption')
  @IsOptional()
  @IsString()
  @MaxLength(CAPTION_MAX)
  media_caption?: string;

  @IsOptional()
  @IsString()
  @MaxLength(240)
  filename?: string;

  /** A voice note; the file must be ogg/opus. */
  @IsOptional()
  @IsBoolean()
  voice?: boolean;

  @IsOptional()
  @Nested(() => TemplateValuesInput)
  template?: TemplateValuesInput;

  @IsOptional()
  @Nested(() => LocationInput)
  location?: LocationInput;

  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @NestedEach(() => CardInput)
  contacts?: CardInput[];

  @IsOptional()
  @Nested(() => InteractiveInput)
  interactive?: InteractiveInput;

  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  reply_to_message_id?: string;

  @IsOptional()
  @IsBoolean()
  preview_url?: boolean;

  /** Your own id of this message; comes back in answers and events. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  client_reference?: string;

  /** A note for the team: stored, never sent. */
  @IsOptional()
  @IsBoolean()
  is_internal_note?: boolean;
}
