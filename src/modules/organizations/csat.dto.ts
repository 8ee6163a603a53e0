import { Field, InputType, Int } from '@nestjs/graphql';
import { IsBoolean, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { NotBlank, Trim } from '#common/fields';
import type { JsonObject } from '#common/json.scalar';

/** How customers are asked what they think of a conversation that was resolved; a queue's own settings win over the organization's, key by key. */
@InputType('CsatSettingsInput')
export class CsatSettings {
  /** Whether they are asked. Default: false. */
  @IsBoolean()
  @IsOptional()
  @Field(() => Boolean, { nullable: true })
  enabled: boolean;

  /** null: ours, in the organization's language. */
  @Trim()
  @IsString()
  @NotBlank()
  @MaxLength(1024)
  @IsOptional()
  @Field(() => String, { nullable: true })
  question: string | null;

  /** After the conversation was resolved; one that is opened again before is not asked about. Default: 1. */
  @IsInt()
  @Min(0)
  @Max(1440)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  delay_minutes: number;

  /** So long an answer counts. Default: 24. */
  @IsInt()
  @Min(1)
  @Max(168)
  @IsOptional()
  @Field(() => Int, { nullable: true })
  expires_hours: number;
}

export const CSAT_DEFAULTS: CsatSettings = { enabled: false, question: null, delay_minutes: 1, expires_hours: 24 };

const TYPES: Record<keyof CsatSettings, string> = {
  enabled: 'boolean',
  question: 'string',
  delay_minutes: 'number',
  expires_hours: 'number',
};

/** Stored settings over the defaults, the last over the first; what is of another type (`csat` was a key of anybody's once) counts as absent. */
export function csatOf(...stored: readonly unknown[]): CsatSettings {
  const given = stored.flatMap((one) =>
    Object.entries(one !== null && typeof one === 'object' ? (one as JsonObject) : {}).filter(
      ([key, value]) => typeof value === TYPES[key as keyof CsatSettings],
    ),
  );
  return { ...CSAT_DEFAULTS, ...Object.fromEntries(given) };
}
