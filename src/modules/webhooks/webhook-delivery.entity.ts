import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { Json } from '#common/json.scalar';
import { Reference } from '#database/references';
import { TenantEntity } from '#database/tenant.entity';
import { Webhook } from './webhook.entity';
import { WebhookEventRow } from './webhook-event.entity';

/** pending: not tried yet; retrying: it failed, or is repeated, and is tried again. */
export enum DeliveryStatus {
  pending = 'pending',
  success = 'success',
  retrying = 'retrying',
  failed = 'failed',
}

/** One try to deliver. */
@ObjectType()
export class WebhookAttempt {
  /** From 1. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 1 })
  number: number;

  @ApiProperty({ format: 'date-time' })
  at: string;

  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  response_status: number | null;

  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  response_time_ms: number | null;

  error: string | null;
}

/** An event on its way to a webhook: the row is the queue, and the log. */
@Entity('webhook_deliveries')
@Reference(() => Webhook, 'webhook_id', 'CASCADE')
@Reference(() => WebhookEventRow, 'event_id', 'CASCADE')
@ObjectType({ isAbstract: true })
@Index('webhook_deliveries_due_idx', ['organization_id', 'webhook_id', 'next_retry_at'], { where: 'next_retry_at IS NOT NULL' })
@Index('webhook_deliveries_sending_idx', ['organization_id', 'webhook_id'], { where: 'is_sending' })
@Index('webhook_deliveries_log_idx', ['organization_id', 'webhook_id', 'created_at', 'id'])
@Index('webhook_deliveries_event_key', ['organization_id', 'event_id', 'webhook_id'], { unique: true })
export class Delivery extends TenantEntity {
  @Column('uuid')
  @Field(() => ID)
  webhook_id: string;

  /** `webhook-id` and the body's id: the same in every try, and for every webhook that hears of it. */
  @Column('uuid')
  @Field(() => ID)
  event_id: string;

  @Column('varchar', { length: 60 })
  event: string;

  @Column('varchar', { length: 10, default: DeliveryStatus.pending })
  @Field(() => String)
  status: DeliveryStatus;

  @Column('boolean', { default: false })
  is_test: boolean;

  /** Tries so far. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 0 })
  attempt: number;

  @Column('int')
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 1 })
  max_attempts: number;

  /** Where it was sent last. */
  @Column('varchar', { length: 2048 })
  url: string;

  /** Of the last try; the signature and your own headers as `***`. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  request_headers: Record<string, string>;

  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  response_status: number | null;

  /** Its first 2 KB. */
  @Column('varchar', { length: 2048, nullable: true })
  response_body: string | null;

  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true })
  response_time_ms: number | null;

  /** Of the last try, if it failed. */
  @Column('varchar', { length: 500, nullable: true })
  error: string | null;

  /** The last 20. */
  @Column('jsonb', { default: [] })
  @Field(() => [WebhookAttempt])
  @ApiProperty({ type: [WebhookAttempt] })
  attempts: WebhookAttempt[];

  /** When it is tried next; null: it has ended. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  next_retry_at: Date | null;

  /** Somebody is at it; if they died, until next_retry_at. */
  @Column('boolean', { default: false })
  @HideField()
  @ApiHideProperty()
  is_sending: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  delivered_at: Date | null;
}
