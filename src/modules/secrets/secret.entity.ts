import { Field, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsEnum, IsObject, IsOptional, IsString, IsUUID, Length, Matches, MaxLength } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Alias } from '#common/alias';
import { JsonBytes, OneLine, Trim } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { TenantEntity } from '#database/tenant.entity';
import { declareResource } from '#modules/organizations/plan-resources';

export enum SecretEnvironment {
  development = 'development',
  staging = 'staging',
  production = 'production',
}

/** chatbot: for the flows of one chatbot, before the organization's of the same key. */
export enum SecretScope {
  organization = 'organization',
  chatbot = 'chatbot',
}

export enum EncryptionProvider {
  local = 'local',
  aws_kms = 'aws_kms',
  vault = 'vault',
}

/** An API key or a password. Its values are `secret_versions`; the API answers a `SecretView`: this row, and what is known of its use. */
@Entity('secrets')
@ObjectType({ isAbstract: true })
// Case aside, and two without a chatbot are in each other's way; the migration writes it.
@Index('secrets_key_key', { synchronize: false })
@Index('secrets_newest_idx', ['organization_id', 'created_at', 'id'])
export class Secret extends TenantEntity {
  /** Of a user, of the system where null. No reference: a super admin is of another organization. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  created_by: string | null;

  /** By which flows and webhooks name it: `{{secrets.KEY}}`, case aside; cannot be changed later. Alias: name. */
  @Column('varchar', { length: 255 })
  @Alias('name')
  @Trim()
  @IsString()
  @Matches(/^[A-Za-z][A-Za-z0-9_.-]{0,254}$/, { message: 'key must begin with a letter, then letters, digits, _, . and -, 255 at most' })
  @ApiProperty({ type: String, maxLength: 255, example: 'OPENAI_API_KEY' })
  key: string;

  /** Default: the key. */
  @Column('varchar', { length: 255 })
  @OneLine()
  @IsString()
  @Length(1, 255)
  display_name: string;

  @Column('varchar', { length: 2000, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description: string | null;

  /** Where it is used: only those of the environment the server runs in resolve. */
  @Column('varchar', { length: 20, default: SecretEnvironment.production })
  @Field(() => String)
  @IsEnum(SecretEnvironment)
  environment: SecretEnvironment;

  /** Whose it is, in lower case: openai, anthropic, anythingllm, meta, evolution, smtp, erp or a word of yours. */
  @Column('varchar', { length: 100, nullable: true })
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().toLowerCase() : value))
  @IsOptional()
  @IsString()
  @Length(1, 100)
  @ApiProperty({ type: String, nullable: true, minLength: 1, maxLength: 100, example: 'openai' })
  service: string | null;

  /** chatbot: for the flows of `chatbot_id`, before the organization's of the same key. */
  @Column('varchar', { length: 20, default: SecretScope.organization })
  @Field(() => String)
  @IsEnum(SecretScope)
  scope: SecretScope;

  /** With scope chatbot, and only then. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  chatbot_id: string | null;

  /** An inactive one does not resolve and is not shown. */
  @Column('boolean', { default: true })
  @IsBoolean()
  is_active: boolean;

  /** From 1; each new value and each rotation is one more. */
  @Column('int', { default: 1 })
  @Field(() => Int)
  @ApiProperty({ type: 'integer', minimum: 1, example: 1 })
  version: number;

  /** The last four characters of a value of 12 or more. */
  @Column('varchar', { length: 4, nullable: true })
  value_preview: string | null;

  /** fernet means local. The others are refused where they are not configured. */
  @Column('varchar', { length: 20, default: EncryptionProvider.local })
  @Field(() => String)
  @Transform(({ value }: { value: unknown }) => (value === 'fernet' ? EncryptionProvider.local : value))
  @IsEnum(EncryptionProvider)
  encryption_provider: EncryptionProvider;

  /** Yours; at most 8 KB. Nothing secret: it is shown. `base_url` is where anythingllm answers, or what is asked in place of OpenAI (with its `/v1`) or Anthropic (without) when the secret is tested. Alias: secret_metadata. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @Alias('secret_metadata')
  @JsonBytes(8192)
  @IsObject()
  metadata: JsonObject;

  /** When it was last rotated; null: never. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_rotated_at: Date | null;
}

declareResource('secrets', {
  text: 'Secrets.',
  limits: { free: 20, starter: 50, growth: 100, professional: 250, enterprise: 1000 },
  usage: 'SELECT count(*)::int FROM secrets WHERE organization_id = $1',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    secrets: true;
  }
}
