import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsBoolean, IsOptional, IsString, IsUUID, Length, MaxLength } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { OneLine, Trim, WebUrl } from '#common/fields';
import { Json } from '#common/json.scalar';
import { Reference } from '#database/references';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { WhatsAppNumber } from '#modules/whatsapp/numbers/whatsapp-number.entity';

/** Why a webhook was switched off by us. */
export enum DisabledReason {
  /** It answered 410. */
  gone = 'gone',
  /** Nothing but failures for five days. */
  failing = 'failing',
  /** More waited for it than may. */
  backlog = 'backlog',
}

/** An endpoint of the organization's that is told what happens. Its secrets live in `webhook_secrets`. */
@Entity('webhooks')
// A filter by a number that is gone would be none.
@Reference(() => WhatsAppNumber, 'whatsapp_number_id', 'CASCADE')
@ObjectType()
@Index('webhooks_list_idx', ['organization_id', 'created_at', 'id'], { where: 'deleted_at IS NULL' })
@Index('webhooks_gone_idx', ['organization_id'], { where: 'deleted_at IS NOT NULL' })
@Index('webhooks_of_number_key', ['organization_id', 'whatsapp_number_id'], { unique: true, where: 'is_of_number AND deleted_at IS NULL' })
@Index('webhooks_number_idx', ['organization_id', 'whatsapp_number_id'], { where: 'whatsapp_number_id IS NOT NULL' })
export class Webhook extends SoftDeletedEntity {
  @Column('varchar', { length: 100, nullable: true })
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(1, 100)
  name: string | null;

  @Column('varchar', { length: 500, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  description: string | null;

  /** Where it is told: https, in development http too; never a private address. */
  @Column('varchar', { length: 2048 })
  @WebUrl()
  @IsString()
  @ApiProperty({ type: String, maxLength: 2048, example: 'https://erp.padaria.example/pytake' })
  url: string;

  /** Names of `GET /webhooks/events`, `*`, or all that begin alike: `message.*`. */
  @Column('text', { array: true })
  @Field(() => [String])
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MaxLength(60, { each: true })
  @ApiProperty({ type: [String], minItems: 1, maxItems: 50, example: ['message.received', 'conversation.*'] })
  events: string[];

  /** The last four characters of its secret. */
  @Column('varchar', { length: 4, nullable: true })
  secret_hint: string | null;

  /** Sent beside ours; their values are not shown. */
  @Column('jsonb', { nullable: true })
  @Field(() => Json, { nullable: true })
  @ApiProperty({
    type: 'object',
    nullable: true,
    additionalProperties: { type: 'string' },
    maxProperties: 10,
    example: { 'X-Api-Key': '***' },
  })
  headers: Record<string, string> | null;

  /** An inactive one is told nothing. */
  @Column('boolean', { default: true })
  @IsBoolean()
  is_active: boolean;

  /** Only what concerns this number; null: everything. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  whatsapp_number_id: string | null;

  /** It is the `webhook_url` of that number, and changes with it; it is signed with the number's webhook_verify_token. */
  @Column('boolean', { default: false })
  is_of_number: boolean;

  /** Tries in a row that failed. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  consecutive_failures: number;

  /** Since when nothing arrives. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  failing_since: Date | null;

  /** Why it was switched off by itself: gone, it answered 410; failing, nothing but failures for five days; backlog, more waited for it than may. */
  @Column('varchar', { length: 20, nullable: true })
  @Field(() => String, { nullable: true })
  @ApiProperty({ enum: DisabledReason, nullable: true })
  disabled_reason: DisabledReason | null;

  /** The last try. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_delivery_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_success_at: Date | null;

  /** What the last try was answered; null: nothing. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  last_status_code: number | null;

  /** Deliveries that have ended. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  total_deliveries: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  successful_deliveries: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  failed_deliveries: number;

  // No reference: a super admin is of another organization.
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  created_by: string | null;
}

/** As audit entries and notices call it. */
export const nameOf = ({ id, name, url }: Pick<Webhook, 'id' | 'name' | 'url'>): { id: string; name: string } => ({
  id,
  name: name ?? new URL(url).host,
});
