import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { Column, Entity, Index } from 'typeorm';
import { Json, type JsonObject } from '#common/json.scalar';
import { declareContactRows, declareUserRows } from '#database/personal-data';
import { declareSealed } from '#database/sealed-columns';
import { TenantEntity } from '#database/tenant.entity';
import { SubjectType } from './consent.entity';

export enum RequestType {
  export = 'export',
  erasure = 'erasure',
  anonymization = 'anonymization',
}

export enum RequestStatus {
  processing = 'processing',
  completed = 'completed',
  failed = 'failed',
}

export enum ExportFormat {
  json = 'json',
  csv = 'csv',
  pdf = 'pdf',
}

/** Somebody's right that was asked for: the receipt. Stays when the subject is gone. */
@Entity('data_requests')
@ObjectType()
@Index('data_requests_newest_idx', ['organization_id', 'created_at', 'id'])
@Index('data_requests_subject_idx', ['organization_id', 'subject_id', 'created_at', 'id'])
@Index('data_requests_due_idx', ['organization_id', 'due_at'], { where: 'due_at IS NOT NULL' })
export class DataRequest extends TenantEntity {
  @Column('varchar', { length: 15 })
  @Field(() => String)
  type: RequestType;

  @Column('varchar', { length: 10 })
  @Field(() => String)
  subject_type: SubjectType;

  @Column('uuid')
  @Field(() => ID)
  subject_id: string;

  /** Always subject_id. */
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  user_id: string;

  @Column('varchar', { length: 10, default: RequestStatus.processing })
  @Field(() => String)
  status: RequestStatus;

  /** A user; null: an API key. No reference: a super admin is of another organization. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  requested_by: string | null;

  @Column('varchar', { length: 500, nullable: true })
  reason: string | null;

  /** Rows by table: given, erased or made nobody's. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  summary: JsonObject;

  /** Until when it must be done (`privacy_settings.response_deadline_days`). */
  @Column({ type: 'timestamptz', precision: 3 })
  deadline: Date;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  completed_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  error: string | null;

  /** Of an export. */
  @Column('varchar', { length: 4, nullable: true })
  @HideField()
  @ApiHideProperty()
  format?: ExportFormat | null;

  @Column('text', { array: true, default: [] })
  @HideField()
  @ApiHideProperty()
  include?: string[];

  /** Of an export's file. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  expires_at?: Date | null;

  @Column('bigint', {
    nullable: true,
    transformer: { to: (value: number | null) => value, from: (value: string | null) => (value === null ? null : Number(value)) },
  })
  @HideField()
  @ApiHideProperty()
  size_bytes?: number | null;

  /** When there is something to do next: the work, or the end of a file; null: nothing. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @HideField()
  @ApiHideProperty()
  due_at?: Date | null;

  @Column('int', { default: 0 })
  @HideField()
  @ApiHideProperty()
  attempts?: number;

  /** By which the person is found where no column names them; gone as soon as it is done. */
  @Column('text', { nullable: true })
  @HideField()
  @ApiHideProperty()
  names_encrypted?: string | null;

  /** The key the file is sealed with. */
  @Column('text', { nullable: true })
  @HideField()
  @ApiHideProperty()
  file_key_encrypted?: string | null;
}

declareSealed('data_requests', { columns: ['names_encrypted', 'file_key_encrypted'], place: ['organization_id', 'id'] });

const PROOF = { keep: 'the receipt of what was asked for; names the subject by id alone' };
const EXPORTED = ['type', 'status', 'created_at', 'completed_at'] as const satisfies (keyof DataRequest)[];

declareContactRows('data_requests', {
  merge: async (tx, { actor, keep, gone }) => {
    await tx.rows(
      `UPDATE data_requests SET subject_id = $2, updated_at = now() WHERE organization_id = $1 AND subject_type = 'contact' AND subject_id = $3`,
      [actor.organization_id, keep, gone],
    );
  },
  erase: PROOF,
  anonymize: PROOF,
  export: EXPORTED,
});
declareUserRows('data_requests', { erase: PROOF, export: EXPORTED });
