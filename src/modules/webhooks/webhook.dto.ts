import { ArgsType, Field, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsIn, IsOptional, IsString, IsUUID, Length, MaxLength, ValidateBy, buildMessage } from 'class-validator';
import { QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, OmitType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { InPeriod } from '#common/period.dto';
import { Delivery, DeliveryStatus } from './webhook-delivery.entity';
import { Webhook } from './webhook.entity';

const HEADERS_MAX = 10;
/** RFC 9110: a token. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** What is ours to say, or the connection's. */
const OURS =
  /^(host|content-.*|x-pytake-.*|webhook-.*|user-agent|accept-encoding|connection|expect|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;
const VALUE = /^[\x20-\x7e]{0,1000}$/;

/** Names and values of headers. */
const HeaderValues = (): PropertyDecorator =>
  ValidateBy({
    name: 'headerValues',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.keys(value).length <= HEADERS_MAX &&
        Object.entries(value).every(([name, text]) => NAME.test(name) && !OURS.test(name) && typeof text === 'string' && VALUE.test(text)),
      defaultMessage: buildMessage(
        (each) =>
          `${each}$property must be an object of at most ${HEADERS_MAX} names and values of HTTP headers, without Host, Content-*, User-Agent, webhook-* and X-PyTake-*`,
      ),
    },
  });

/** A webhook with its secret, which is shown this once. */
@ObjectType()
export class WebhookWithSecret extends Webhook {
  /** Signs what is sent. */
  @ApiProperty({ type: String, example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })
  secret: string;
}

@ApiSchema({ name: 'WebhookList' })
export class WebhookPage extends PageOf(Webhook) {}

@InputType({ isAbstract: true })
class WebhookFields extends PickType(Webhook, ['name', 'description', 'url', 'events', 'is_active', 'whatsapp_number_id']) {
  /** What begins with `whsec_` is base64 of the key, anything else is the key. */
  @IsString()
  @Length(8, 256)
  @ApiProperty({ type: String, minLength: 8, maxLength: 256, example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })
  secret: string;

  /** Sent beside ours, at most 10, kept encrypted; a value of `***` stays as it was. */
  @Field(() => Json, { nullable: true })
  @IsOptional()
  @HeaderValues()
  @ApiPropertyOptional({
    type: 'object',
    nullable: true,
    additionalProperties: { type: 'string', maxLength: 1000 },
    maxProperties: HEADERS_MAX,
    example: { 'X-Api-Key': '0123456789' },
  })
  headers: Record<string, string> | null;
}

/** Without a secret one is made. */
@InputType('WebhookCreateInput')
export class WebhookCreate extends IntersectionType(
  PartialType(OmitType(WebhookFields, ['url', 'events'])),
  PickType(WebhookFields, ['url', 'events']),
) {}
for (const field of ['secret', 'is_active']) IsOptional()(WebhookCreate.prototype, field);

/** Absent keeps, null clears. Another secret rotates: for 24 hours the one of before signs too. */
@InputType('WebhookUpdateInput')
export class WebhookUpdate extends PartialType(WebhookFields) {}

export class WebhookQuery extends PageQuery {
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_active?: boolean;

  /** Those that hear of it. */
  @IsOptional()
  @IsString()
  @MaxLength(60)
  event?: string;
}

@ArgsType()
export class WebhookArgs extends ArgsOf(WebhookQuery) {}

export class WebhookEventQuery extends PageQuery {}

@ArgsType()
export class WebhookEventArgs extends ArgsOf(WebhookEventQuery) {}

/** An event webhooks may hear. */
@ObjectType()
export class WebhookEventInfo {
  @ApiProperty({ type: String, example: 'message.received' })
  name: string;

  /** What happened. */
  @ApiProperty({ type: String, example: 'A message of a customer was filed.' })
  description: string;

  /** The body that is sent. */
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: true })
  sample: JsonObject;
}

@ApiSchema({ name: 'WebhookEventCatalog' })
export class WebhookEventCatalog extends PageOf(WebhookEventInfo) {}

@ArgsType()
export class WebhookTest {
  /** Which event it is an example of; default: webhook.test. */
  @IsOptional()
  @IsString()
  @MaxLength(60)
  @ApiProperty({ type: String, required: false, nullable: true, maxLength: 60, default: 'webhook.test' })
  event?: string | null;
}

/** How a test went. */
@ObjectType()
export class WebhookTestResult {
  /** It answered 2xx in time. */
  success: boolean;

  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  status_code: number | null;

  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  response_time_ms: number;

  /** Its first 2 KB. */
  response_body: string | null;

  error: string | null;

  @Field(() => ID)
  event_id: string;
}

/** An event on its way to a webhook, and each try. */
@ObjectType('WebhookDelivery')
@ApiSchema({ name: 'WebhookDelivery' })
export class DeliveryView extends Delivery {
  /** As it is sent, byte by byte. */
  @ApiProperty({ type: String, example: '{"id":"019aa000-0000-7000-8000-000000000e21","event":"message.received"}' })
  request_body: string;
}

@ApiSchema({ name: 'WebhookDeliveryList' })
export class DeliveryPage extends PageOf(DeliveryView) {}

export class DeliveryQuery extends InPeriod(PageQuery) {
  @IsOptional()
  @IsString()
  @MaxLength(60)
  event?: string;

  @IsOptional()
  @IsUUID()
  event_id?: string;

  @IsOptional()
  @IsEnum(DeliveryStatus)
  status?: DeliveryStatus;
}

@ArgsType()
export class DeliveryArgs extends ArgsOf(DeliveryQuery, ['search']) {}

const ENDED = [DeliveryStatus.success, DeliveryStatus.failed] as const;

/** One event, or a range of deliveries that have ended. */
export class WebhookRetry extends InPeriod(Object) {
  /** As a delivery names it. Without it: those of the range, of which `from`, `to` or `status` says something. */
  @IsOptional()
  @IsUUID()
  @ApiProperty({ type: String, format: 'uuid', required: false, nullable: true })
  event_id?: string;

  /** Those of a day of the organization, or of an instant with its offset, and later; absent: from the oldest. */
  @ApiProperty({ type: String, required: false, nullable: true })
  declare from?: string;

  /** And no later; a day counts to its end. */
  @ApiProperty({ type: String, required: false, nullable: true })
  declare to?: string;

  /** success or failed; absent: both. */
  @IsOptional()
  @IsIn(ENDED)
  @ApiProperty({ enum: ENDED, required: false, nullable: true })
  status?: DeliveryStatus;
}

@ArgsType()
export class WebhookReplay extends ArgsOf(WebhookRetry, ['event_id']) {}

/** How many deliveries are repeated. */
@ObjectType()
export class WebhookReplayResult {
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  queued: number;

  /** There are more than are repeated at once: ask again once these have ended, from where they end. */
  has_more: boolean;

  /** When the last of these was written; null: there are none. */
  last_created_at: Date | null;
}
