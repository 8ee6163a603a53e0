import { ArgsType, Field, Float, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsEnum, IsIn, IsOptional, IsString, IsUUID, Length, MaxLength } from 'class-validator';
import { Alias } from '#common/alias';
import { QueryBoolean } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, OmitType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { EncryptionProvider, Secret, SecretEnvironment, SecretScope } from './secret.entity';

/** rotated marks a version whose place another one took; a secret itself is active or inactive. */
export enum SecretStatus {
  active = 'active',
  inactive = 'inactive',
  rotated = 'rotated',
}

export const VALUE_MAX = 65_536;

/** An API key or a password of the organization, without its value. */
@ObjectType('Secret')
@ApiSchema({ name: 'Secret' })
export class SecretView extends Secret {
  /** Always key. */
  name: string;

  /** active or inactive, as is_active says. */
  @Field(() => String)
  @ApiProperty({ enum: [SecretStatus.active, SecretStatus.inactive] })
  status: SecretStatus;

  /** Of the key in the server's ring that its value is sealed with. */
  @ApiProperty({ maxLength: 255, example: '6ef05ba0' })
  encryption_key_id: string;

  /** null: never. */
  last_used_at: Date | null;

  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  usage_count: number;
}

@ApiSchema({ name: 'SecretList' })
export class SecretPage extends PageOf(SecretView) {}

@InputType({ isAbstract: true })
class SecretFields extends PickType(Secret, [
  'key',
  'display_name',
  'description',
  'environment',
  'service',
  'scope',
  'chatbot_id',
  'is_active',
  'encryption_provider',
  'metadata',
]) {
  /** Kept exactly as given, sealed; answered by `GET /secrets/{secret_id}/value` alone. */
  @IsString()
  @Length(1, VALUE_MAX)
  value: string;

  /** The newest key of the server's ring, and no other. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  encryption_key_id: string | null;

  /** Alias of key. */
  @ApiProperty({ type: String, required: false, maxLength: 255, example: 'OPENAI_API_KEY' })
  name?: string;

  /** Alias of metadata. */
  @Field(() => Json, { nullable: true })
  secret_metadata?: JsonObject;
}

const OPTIONAL = ['key', 'display_name', 'environment', 'scope', 'encryption_provider', 'metadata'] as const;

/** key, or name, is required; else null is the same as absent. */
@InputType('SecretCreateInput')
export class SecretCreate extends IntersectionType(
  PartialType(OmitType(SecretFields, ['value', 'is_active'])),
  PickType(SecretFields, ['value']),
) {}
for (const field of OPTIONAL) IsOptional()(SecretCreate.prototype, field);

/** Absent keeps, null clears. Another value is another version. */
@InputType('SecretUpdateInput')
export class SecretUpdate extends PartialType(
  PickType(SecretFields, ['value', 'environment', 'service', 'display_name', 'description', 'is_active', 'metadata', 'secret_metadata']),
) {}

@ArgsType()
export class SecretRotate {
  /** Absent: the same value is sealed again, with the newest key. Alias: value. */
  @Alias('value')
  @IsOptional()
  @IsString()
  @Length(1, VALUE_MAX)
  new_value?: string | null;

  /** fernet means local. */
  @Field(() => String, { nullable: true })
  @Transform(({ value }: { value: unknown }) => (value === 'fernet' ? EncryptionProvider.local : value))
  @IsOptional()
  @IsEnum(EncryptionProvider)
  new_encryption_provider?: EncryptionProvider | null;

  /** The newest key of the server's ring, and no other. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  new_key_id?: string | null;
}

const TEST_TYPES = ['decrypt', 'connection'] as const;
export type TestType = (typeof TEST_TYPES)[number];

@ArgsType()
export class SecretTest {
  /** decrypt: does it open; connection: does the provider of `service` take it. Default: decrypt. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsIn(TEST_TYPES)
  test_type?: TestType | null;
}

/** Whether a secret works. */
@ObjectType()
export class SecretTestResult {
  valid: boolean;

  /** Always valid. */
  is_valid: boolean;

  /** Why it does not; never what the provider answered. */
  message: string | null;

  @Field(() => String)
  @ApiProperty({ enum: TEST_TYPES })
  test_type: TestType;

  /** How long the provider took; null: nobody was asked. */
  @Field(() => Int, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true, minimum: 0 })
  latency_ms: number | null;
}

@ArgsType()
export class SecretRemoval {
  /** Delete it although it is in use. */
  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  force?: boolean;
}

/** A secret's plain text. */
@ObjectType()
export class SecretValue {
  @Field(() => ID)
  id: string;

  key: string;

  @ApiProperty({ type: String, example: 'sk-proj-0123456789' })
  value: string;

  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  version: number;
}

/** One value of a secret, without the value. */
@ApiSchema({ name: 'SecretVersion' })
export class SecretVersionView {
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  version: number;

  /** rotated: kept for 30 days, the last 50, then gone. */
  @ApiProperty({ enum: [SecretStatus.active, SecretStatus.rotated] })
  status: SecretStatus;

  /** Of the key in the server's ring that it is sealed with. */
  @ApiProperty({ maxLength: 255, example: '6ef05ba0' })
  key_id: string;

  created_at: Date;

  created_by: string | null;

  /** When another one took its place. */
  rotated_at: Date | null;
}

@ApiSchema({ name: 'SecretVersionList' })
export class SecretVersionPage extends PageOf(SecretVersionView) {}

/** How a secret is used. */
@ObjectType()
export class SecretUsageStats {
  @Field(() => ID)
  secret_id: string;

  key: string;

  /** Always key. */
  secret_name: string;

  display_name: string;

  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  total_requests: number;

  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  successful_requests: number;

  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  failed_requests: number;

  /** Percent; 0 while it is unused. */
  @Field(() => Float)
  @ApiProperty({ format: 'double', minimum: 0, maximum: 100 })
  success_rate: number;

  last_used_at: Date | null;

  /** Always total_requests. */
  @Field(() => Float)
  @ApiProperty({ type: 'integer', format: 'int64', minimum: 0 })
  usage_count: number;

  is_active: boolean;

  created_at: Date;
}

@ApiSchema({ name: 'SecretUsageStatsList' })
export class SecretUsageStatsPage extends PageOf(SecretUsageStats) {}

const counts = { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } } as const;

/** How many secrets there are, of each kind. */
export class SecretTotals {
  @ApiProperty({ type: 'integer', minimum: 0 })
  total: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  active: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  inactive: number;

  @ApiProperty({ ...counts, example: { production: 1 } })
  by_environment: Record<string, number>;

  @ApiProperty({ ...counts, example: { organization: 1 } })
  by_scope: Record<string, number>;

  /** Those of no service as `none`; the 100 with the most. */
  @ApiProperty({ ...counts, example: { openai: 1 } })
  by_service: Record<string, number>;

  @ApiProperty({ ...counts, example: { local: 1 } })
  by_provider: Record<string, number>;
}

export class SecretUsageQuery extends PageQuery {
  @IsOptional()
  @IsEnum(SecretEnvironment)
  environment?: SecretEnvironment;

  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().toLowerCase() : value))
  @IsOptional()
  @IsString()
  @MaxLength(100)
  service?: string;
}

export class SecretQuery extends SecretUsageQuery {
  /** No secret is `rotated`: versions are. */
  @IsOptional()
  @IsEnum(SecretStatus)
  status?: SecretStatus;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_active?: boolean;

  @IsOptional()
  @IsEnum(SecretScope)
  scope?: SecretScope;

  @IsOptional()
  @IsUUID()
  chatbot_id?: string;
}

@ArgsType()
export class SecretArgs extends ArgsOf(SecretQuery) {}

@ArgsType()
export class SecretUsageArgs extends ArgsOf(SecretUsageQuery) {}
