import { ArgsType, Field, Float, ID, InputType, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayNotEmpty,
  IsArray,
  IsEnum,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import { Alias } from '#common/alias';
import { Trim } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, IntersectionType, PartialType, PickType } from '#common/mapped-types';
import { PageOf, PageQuery } from '#common/page.dto';
import { Consent, ConsentPurpose, ConsentStatus, SubjectType } from './consent.entity';
import { DataRequest, ExportFormat, RequestStatus, RequestType } from './data-request.entity';
import { HistoryQuery } from '#common/period.dto';

export class ConsentPage extends PageOf(Consent) {}
export class DataRequestPage extends PageOf(DataRequest) {}

@InputType({ isAbstract: true })
class ConsentSubject {
  /** A contact's or a user's id. Aliases: user_id, contact_id. */
  @Field(() => ID)
  @Alias('user_id', 'contact_id')
  @IsUUID()
  subject_id: string;

  /** Default: whom the id names; contacts are looked at first. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsEnum(SubjectType)
  subject_type?: SubjectType;

  /** Instead of `expires_at`. */
  @Field(() => Int, { nullable: true })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3650)
  expires_in_days?: number;
}

/** `expires_at` must be in the future. */
@InputType('ConsentCreateInput')
export class ConsentCreate extends IntersectionType(
  ConsentSubject,
  IntersectionType(
    PickType(Consent, ['purpose', 'granted']),
    PartialType(PickType(Consent, ['legal_basis', 'channel', 'version', 'evidence', 'expires_at'])),
  ),
) {}

export class ConsentQuery extends PageQuery {
  @IsOptional()
  @IsEnum(ConsentPurpose)
  purpose?: ConsentPurpose;

  @IsOptional()
  @IsEnum(ConsentStatus)
  status?: ConsentStatus;

  @IsOptional()
  @IsEnum(SubjectType)
  subject_type?: SubjectType;
}

@ArgsType()
export class ConsentArgs extends ArgsOf(ConsentQuery) {}

@ArgsType()
export class Reason {
  /** Kept with the receipt, so it should not say who it was. */
  @Field(() => String, { nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

@ArgsType()
export class SubjectQuery {
  /** Default: whom the id names; contacts are looked at first. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsEnum(SubjectType)
  subject_type?: SubjectType;
}

@ArgsType()
export class ErasureQuery extends SubjectQuery {
  /** Kept with the receipt, so it should not say who it was. */
  @Field(() => String, { nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

@InputType('AnonymizeRequestInput')
export class AnonymizeRequest {
  /** Kept with the receipt, so it should not say who it was. */
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

export const EXPORT_PARTS = ['profile', 'consents', 'conversations', 'messages', 'media', 'flow_sessions', 'campaigns', 'audit'] as const;
export type ExportPart = (typeof EXPORT_PARTS)[number];

@InputType('DataExportRequestInput')
export class DataExportRequest {
  /** csv: a ZIP with a file for each table; pdf: all of it for a person to read. Default: json. */
  @Field(() => String, { nullable: true })
  @IsOptional()
  @IsEnum(ExportFormat)
  format?: ExportFormat;

  /** Default: everything but `media`. */
  @Field(() => [String], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayNotEmpty()
  @ArrayMaxSize(EXPORT_PARTS.length)
  @IsIn(EXPORT_PARTS, { each: true })
  @ApiProperty({ enum: EXPORT_PARTS, isArray: true, required: false })
  include?: ExportPart[];
}

@ObjectType()
export class DataExport {
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  request_id: string;

  @Field(() => String)
  @ApiProperty({ enum: SubjectType })
  subject_type: SubjectType;

  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  subject_id: string;

  /** Always subject_id. */
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  user_id: string;

  @Field(() => String)
  @ApiProperty({ enum: RequestStatus })
  status: RequestStatus;

  @Field(() => String)
  @ApiProperty({ enum: ExportFormat })
  format: ExportFormat;

  generated_at: Date | null;

  /** Until when the file is kept; null: the data is here, or still to come. */
  expires_at: Date | null;

  /** Where the file is; null: there is none. */
  @ApiProperty({ type: String, nullable: true, example: null })
  download_url: string | null;

  @Field(() => Float, { nullable: true })
  @ApiProperty({ type: 'integer', nullable: true, minimum: 0 })
  size_bytes: number | null;

  /** What there is, by part; null: it is in the file. */
  @Field(() => Json, { nullable: true })
  @ApiProperty({ type: 'object', nullable: true, additionalProperties: true })
  data: JsonObject | null;
}

export class DataRequestQuery extends PageQuery {
  @IsOptional()
  @IsEnum(RequestType)
  type?: RequestType;

  @IsOptional()
  @IsEnum(RequestStatus)
  status?: RequestStatus;

  @IsOptional()
  @IsUUID()
  subject_id?: string;
}

@ArgsType()
export class DataRequestArgs extends ArgsOf(DataRequestQuery) {}

export class SubjectAuditQuery extends HistoryQuery {
  /** `resource.verb`, such as `privacy.consent_recorded`. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  action?: string;
}

@ObjectType()
export class ComplianceCheck {
  @ApiProperty({ example: 'no_overdue_requests' })
  name: string;

  passed: boolean;

  message: string;
}

/** Rates are percent, 0 to 100; of nothing: 100. */
@ObjectType()
export class ComplianceStatus {
  /** The mean of the three rates. */
  @ApiProperty({ format: 'double' })
  @Field(() => Float)
  overall_score: number;

  /** compliant: at least 90 and nothing overdue; attention: at least 70. */
  @Field(() => String)
  @ApiProperty({ enum: ['compliant', 'attention', 'non_compliant'] })
  status: 'compliant' | 'attention' | 'non_compliant';

  /** Opted-in contacts with a marketing consent that counts, of all opted-in ones. */
  @ApiProperty({ format: 'double' })
  @Field(() => Float)
  consent_compliance: number;

  /** Messages and files not past what the organization keeps, of all. */
  @ApiProperty({ format: 'double' })
  @Field(() => Float)
  data_retention_compliance: number;

  /** Requests done in time, of those done or overdue. */
  @ApiProperty({ format: 'double' })
  @Field(() => Float)
  rights_fulfillment_rate: number;

  /** Mean of the requests that are done; null: none is. */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  @Field(() => Float, { nullable: true })
  average_response_time_hours: number | null;

  @Field(() => Int)
  outstanding_requests: number;

  @Field(() => Int)
  overdue_requests: number;

  @Field(() => Int)
  active_consents: number;

  @Field(() => Int)
  revoked_consents: number;

  @Field(() => Int)
  expired_consents: number;

  /** Opted in, with no marketing consent that counts. */
  @Field(() => Int)
  contacts_without_consent: number;

  /** Messages and files past what the organization keeps. */
  @Field(() => Int)
  data_retention_violations: number;

  @Field(() => [ComplianceCheck])
  @ApiProperty({ type: [ComplianceCheck] })
  checks: ComplianceCheck[];

  last_assessment: Date;
}
