import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { Nested, Trim } from '#common/fields';
import { type BusinessHours, IsBusinessHours } from '#modules/organizations/business-hours';
import { CsatSettings } from '#modules/organizations/csat.dto';

/** Who serves a queue and when. */
export class QueueSettings {
  /** Not empty: only these, of whichever department. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(500)
  @IsUUID(undefined, { each: true })
  allowed_agent_ids?: string[];

  /** Names of skills an agent must have, all of them; case does not matter. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 100, { each: true })
  skills_required?: string[];

  /** How well, at least; 1 if absent. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(5)
  min_proficiency?: number;

  /** As in the organization's settings, with a timezone of its own; `{}`: those of the department, else of the organization. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  @IsOptional()
  @IsObject()
  @IsBusinessHours()
  business_hours?: BusinessHours;

  /** VIP contacts go here unless a queue was named. */
  @IsOptional()
  @IsBoolean()
  is_vip_queue?: boolean;

  /** Sent once per conversation that begins to wait while the queue is open. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  welcome_message?: string;

  /** Sent once per conversation that begins to wait while it is closed; absent: the department's. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  offline_message?: string;

  /** A contact who comes back within so many days goes to who had them last, if they may; absent or 0: in turn as everybody. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(365)
  sticky_agent_days?: number;

  /** Conversations are offered, and assigned to who accepts within so many seconds; absent: assigned at once. */
  @IsOptional()
  @IsInt()
  @Min(5)
  @Max(600)
  offer_timeout_seconds?: number;

  /** How customers are asked what they think of it; what is absent is as the organization has it. */
  @IsOptional()
  @Nested(() => CsatSettings)
  csat?: CsatSettings;

  /** Conversations of an agent who has been offline for so long wait again; absent: they stay. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1440)
  reassign_after_minutes?: number;
}
