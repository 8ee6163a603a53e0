import { ArgsType, Field, ID, ObjectType } from '@nestjs/graphql';
import { ApiProperty, PickType } from '@nestjs/swagger';
import { IsIn, IsIP, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { Alias } from '#common/alias';
import { Json } from '#common/json.scalar';
import { ArgsOf } from '#common/mapped-types';
import { PageOf } from '#common/page.dto';
import { HistoryQuery } from '#common/period.dto';
import type { AuditActorType, AuditChanges, AuditResult } from './audit-log.entity';

/** Who did what, when, from where. */
@ObjectType()
export class AuditEntry {
  @ApiProperty({ format: 'uuid' })
  @Field(() => ID)
  id: string;

  /** null: before an organization was known, as when somebody unknown tried to sign in. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true })
  organization_id: string | null;

  @ApiProperty({ enum: ['user', 'system', 'webhook', 'api'] })
  @Field(() => String)
  actor_type: AuditActorType;

  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true })
  actor_id: string | null;

  /** actor_id again where the actor is a user. */
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true })
  @Field(() => ID, { nullable: true })
  user_id: string | null;

  /** As the user has it today; of a sign-in that failed for nobody known: what was typed. */
  @ApiProperty({ type: 'string', nullable: true, example: 'ana@padaria.example' })
  @Field(() => String, { nullable: true })
  actor_email: string | null;

  @ApiProperty({ type: 'string', nullable: true, example: 'agent' })
  @Field(() => String, { nullable: true })
  actor_role: string | null;

  /** `resource.verb` */
  @ApiProperty({ example: 'conversation.assigned' })
  action: string;

  @ApiProperty({ example: 'conversation' })
  resource_type: string;

  @ApiProperty({ type: 'string', nullable: true })
  @Field(() => String, { nullable: true })
  resource_id: string | null;

  /** Of a user: as they are called today. */
  @ApiProperty({ type: 'string', nullable: true })
  @Field(() => String, { nullable: true })
  resource_name: string | null;

  /** By field what it was and what it became. Values of secrets and of people are `***`. */
  @ApiProperty({ type: 'object', additionalProperties: true, example: { status: { from: 'open', to: 'closed' } } })
  @Field(() => Json)
  changes: AuditChanges;

  @ApiProperty({ type: 'object', additionalProperties: true, example: {} })
  @Field(() => Json)
  metadata: Record<string, unknown>;

  @ApiProperty({ enum: ['success', 'failure'] })
  @Field(() => String)
  result: AuditResult;

  @ApiProperty({ type: 'string', nullable: true, example: '203.0.113.9' })
  @Field(() => String, { nullable: true })
  ip_address: string | null;

  @ApiProperty({ type: 'string', nullable: true })
  @Field(() => String, { nullable: true })
  user_agent: string | null;

  @ApiProperty({ type: 'string', nullable: true })
  @Field(() => String, { nullable: true })
  request_id: string | null;

  created_at: Date;
}

export class AuditEntryPage extends PageOf(AuditEntry) {}

export class AuditQuery extends HistoryQuery {
  /** Who did it. Alias: user_id. */
  @Alias('user_id')
  @IsOptional()
  @IsUUID('all')
  actor_id?: string;

  /** `resource.verb`, such as `conversation.assigned`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;

  /** Such as `conversation`. */
  @IsOptional()
  @IsString()
  @MaxLength(50)
  resource_type?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  resource_id?: string;

  @IsOptional()
  @IsIn(['success', 'failure'])
  result?: AuditResult;

  @IsOptional()
  @IsIP()
  ip_address?: string;

  /** The X-Request-ID of the answer. */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  request_id?: string;
}

export class AuditExportQuery extends PickType(AuditQuery, [
  'actor_id',
  'action',
  'resource_type',
  'resource_id',
  'result',
  'ip_address',
  'request_id',
  'start_date',
  'end_date',
]) {
  @IsOptional()
  @IsIn(['csv', 'json'])
  format?: 'csv' | 'json' = 'csv';
}

@ArgsType()
export class AuditArgs extends ArgsOf(AuditQuery) {}
