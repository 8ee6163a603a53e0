import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { OneLine, Trim } from '#common/fields';
import { Json } from '#common/json.scalar';
import { Reference } from '#database/references';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { Department } from '#modules/departments/department.entity';
import { QueueSettings } from './queue-settings.dto';
import { RoutingMode } from './routing/choose-agent';

/** A line of conversations that wait for an agent. The API answers a `QueueView`: this row and its figures. */
@Entity('queues')
@Reference(() => Department, 'department_id', 'RESTRICT')
@Reference('Queue', 'overflow_queue_id', 'SET NULL')
@ObjectType({ isAbstract: true })
@Index('queues_slug_key', ['organization_id', 'department_id', 'slug'], { unique: true, where: 'deleted_at IS NULL' })
@Index('queues_overflow_idx', ['organization_id', 'overflow_queue_id'], { where: 'overflow_queue_id IS NOT NULL' })
// By a key of its settings, which TypeORM cannot say: queues that take conversations back.
@Index('queues_return_idx', { synchronize: false })
export class Queue extends SoftDeletedEntity {
  /** Whose agents serve it. */
  @Column('uuid')
  @Field(() => ID)
  @IsUUID()
  department_id: string;

  @Column('varchar', { length: 255 })
  @OneLine()
  @IsString()
  @Length(1, 255)
  name: string;

  /** Unique in the department: small letters, digits and dashes. Absent at the creation: made of the name. */
  @Column('varchar', { length: 100 })
  @Trim()
  @IsString()
  @Length(1, 100)
  @Matches(/^[a-z0-9-]+$/, { message: 'slug must be small letters, digits and dashes' })
  slug: string;

  @Column('varchar', { length: 2000, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description: string | null;

  /** The name of a picture of the user interface. */
  @Column('varchar', { length: 50, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(50)
  icon: string | null;

  /** `#RRGGBB`. */
  @Column('varchar', { length: 7, default: '#10B981' })
  @IsString()
  @Matches(/^#[0-9A-Fa-f]{6}$/, { message: 'color must be #RRGGBB' })
  color: string;

  /** False: it takes no new conversations, and those that wait in it are neither assigned nor pulled. */
  @Column('boolean', { default: true })
  @IsBoolean()
  is_active: boolean;

  /** 0 to 100; the higher is served first. */
  @Column('int', { default: 50 })
  @Field(() => Int)
  @IsInt()
  @Min(0)
  @Max(100)
  priority: number;

  /** Open minutes a conversation may wait for an agent; null: no SLA. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_080)
  sla_minutes: number | null;

  /** round_robin: who has waited longest; load_balance: who has the fewest; skills_based: who knows best; manual: agents pull. */
  @Column('varchar', { length: 20, default: RoutingMode.round_robin })
  @IsEnum(RoutingMode)
  @Field(() => String)
  routing_mode: RoutingMode;

  /** False: agents pull. */
  @Column('boolean', { default: true })
  @IsBoolean()
  auto_assign_conversations: boolean;

  /** Open and pending ones of this queue an agent may have. */
  @Column('int', { default: 10 })
  @Field(() => Int)
  @IsInt()
  @Min(1)
  @Max(100)
  max_conversations_per_agent: number;

  /** So many may wait until the next goes to overflow_queue_id; null: no limit. */
  @Column('int', { nullable: true })
  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  max_queue_size: number | null;

  /** Where to when it is full; null: they wait here all the same. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  overflow_queue_id: string | null;

  /** When administrators were last told that it is full. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  overflow_told_at?: Date | null;

  /** Who serves it and when; keys of your own are kept. */
  @Column('jsonb', { default: {} })
  @ApiProperty({ type: () => QueueSettings })
  @Field(() => Json)
  settings: QueueSettings;
}
