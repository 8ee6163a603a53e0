import { Field, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsInt, IsObject, IsOptional, IsString, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { JsonBytes, OneLine, TimeZone, Trim } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { type BusinessHours, IsBusinessHours } from '#modules/organizations/business-hours';
import { declareResource } from '#modules/organizations/plan-resources';

/** How the conversations of a department without a queue find their agent. */
export enum DepartmentRouting {
  round_robin = 'round_robin',
  load_balance = 'load_balance',
  manual = 'manual',
}

/** A team of agents, with hours of its own. The API answers a `DepartmentView`: this row, its agents and its figures. */
@Entity('departments')
@ObjectType({ isAbstract: true })
@Index('departments_slug_key', ['organization_id', 'slug'], { unique: true, where: 'deleted_at IS NULL' })
export class Department extends SoftDeletedEntity {
  @Column('varchar', { length: 255 })
  @OneLine()
  @IsString()
  @Length(1, 255)
  name: string;

  /** Unique in the organization: small letters, digits and dashes. Absent at the creation: made of the name. */
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
  @Column('varchar', { length: 7, default: '#3B82F6' })
  @IsString()
  @Matches(/^#[0-9A-Fa-f]{6}$/, { message: 'color must be #RRGGBB' })
  color: string;

  /** False: it takes no new conversations, and its queues wait. */
  @Column('boolean', { default: true })
  @IsBoolean()
  is_active: boolean;

  /** As in the organization's settings; `{}`: those of the organization. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @ApiProperty({ type: 'object', additionalProperties: true, example: { monday: { enabled: true, start: '09:00', end: '18:00' } } })
  @IsObject()
  @IsBusinessHours()
  business_hours: BusinessHours;

  /** IANA name, of business_hours; null: the organization's. */
  @Column('varchar', { length: 64, nullable: true })
  @IsOptional()
  @TimeZone()
  timezone: string | null;

  /** Sent once per conversation when a contact writes outside hours. */
  @Column('varchar', { length: 1024, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  offline_message: string | null;

  /** How its conversations without a queue find their agent. */
  @Column('varchar', { length: 20, default: DepartmentRouting.round_robin })
  @IsEnum(DepartmentRouting)
  @Field(() => String)
  routing_mode: DepartmentRouting;

  /** False: agents pull. */
  @Column('boolean', { default: true })
  @IsBoolean()
  auto_assign_conversations: boolean;

  /** Open and pending ones an agent may have before automatic work stops. */
  @Column('int', { default: 10 })
  @Field(() => Int)
  @IsInt()
  @Min(1)
  @Max(100)
  max_conversations_per_agent: number;

  /** Free settings of the user interface, at most 16 KB. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @IsObject()
  @JsonBytes(16_384)
  settings: JsonObject;
}

declareResource('departments', {
  text: 'Departments.',
  limits: { free: 1, starter: 3, growth: 10, professional: 25, enterprise: -1 },
  usage: 'SELECT count(*)::int FROM departments WHERE organization_id = $1 AND deleted_at IS NULL',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    departments: true;
  }
}
