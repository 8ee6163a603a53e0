import { Field, HideField, ID, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEnum, IsOptional, IsString, MaxLength } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { FutureInstant, Trim } from '#common/fields';
import { declareContactRows, declareUserRows } from '#database/personal-data';
import { TenantEntity } from '#database/tenant.entity';

/** Whose data it is. */
export enum SubjectType {
  contact = 'contact',
  user = 'user',
}

export enum ConsentPurpose {
  marketing = 'marketing',
  support = 'support',
  billing = 'billing',
  analytics = 'analytics',
  ai_processing = 'ai_processing',
  data_sharing = 'data_sharing',
}

/** granted → revoked or expired; the other three are final. */
export enum ConsentStatus {
  granted = 'granted',
  denied = 'denied',
  revoked = 'revoked',
  expired = 'expired',
}

export enum LegalBasis {
  consent = 'consent',
  contract = 'contract',
  legal_obligation = 'legal_obligation',
  legitimate_interest = 'legitimate_interest',
  vital_interests = 'vital_interests',
  public_task = 'public_task',
}

export enum ConsentChannel {
  whatsapp = 'whatsapp',
  web = 'web',
  email = 'email',
  phone = 'phone',
  import = 'import',
  api = 'api',
}

/** What somebody allowed or refused, when and how we know. A later record about the same purpose takes its place; none is changed into another. */
@Entity('consents')
@ObjectType()
@Index('consents_current_key', ['organization_id', 'subject_type', 'subject_id', 'purpose'], { unique: true, where: 'is_current' })
@Index('consents_subject_idx', ['organization_id', 'subject_id', 'created_at', 'id'])
@Index('consents_expiry_idx', ['organization_id', 'expires_at'], {
  where: "is_current AND status = 'granted' AND expires_at IS NOT NULL",
})
@Index('consents_status_idx', ['organization_id', 'status'], { where: 'is_current' })
export class Consent extends TenantEntity {
  @Column('varchar', { length: 10 })
  @Field(() => String)
  subject_type: SubjectType;

  /** No reference: it is the proof, and stays when the subject is erased. */
  @Column('uuid')
  @Field(() => ID)
  subject_id: string;

  /** Always subject_id. */
  @Field(() => ID)
  @ApiProperty({ format: 'uuid' })
  user_id: string;

  /** The contact it was recorded for, which may have become part of another one since; the proof is over it. */
  @Column('uuid')
  @HideField()
  @ApiHideProperty()
  given_by?: string;

  @Column('varchar', { length: 20 })
  @Field(() => String)
  @IsEnum(ConsentPurpose)
  purpose: ConsentPurpose;

  /** false: a refusal. */
  @Column('boolean')
  @IsBoolean()
  granted: boolean;

  @Column('varchar', { length: 10 })
  @Field(() => String)
  status: ConsentStatus;

  /** The newest of its subject and purpose: the one that counts. */
  @Column('boolean', { default: true })
  is_current: boolean;

  @Column('varchar', { length: 30, default: LegalBasis.consent })
  @Field(() => String)
  @IsEnum(LegalBasis)
  legal_basis: LegalBasis;

  @Column('varchar', { length: 10, default: ConsentChannel.api })
  @Field(() => String)
  @IsEnum(ConsentChannel)
  channel: ConsentChannel;

  /** Of the policy that was agreed to. */
  @Column('varchar', { length: 50, nullable: true })
  @Trim()
  @IsOptional()
  @IsString()
  @MaxLength(50)
  version: string | null;

  /** What shows it: the sentence, the link, the message. */
  @Column('varchar', { length: 2000, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  evidence: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  granted_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  revoked_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  revocation_reason: string | null;

  /** null: until it is revoked. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  @IsOptional()
  @FutureInstant()
  expires_at: Date | null;

  /** Of who recorded it. */
  @Column('varchar', { length: 64, nullable: true })
  ip_address: string | null;

  @Column('varchar', { length: 512, nullable: true })
  user_agent: string | null;

  /** A user; null: the person themselves wrote so, or an API key recorded it. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  recorded_by: string | null;

  /** SHA-256 over what was recorded, hex. */
  @Column('char', { length: 64 })
  proof: string;
}

const EXPORTED = [
  'purpose',
  'granted',
  'status',
  'legal_basis',
  'channel',
  'version',
  'evidence',
  'granted_at',
  'revoked_at',
  'revocation_reason',
  'expires_at',
  'proof',
  'created_at',
] as const satisfies (keyof Consent)[];

/** What of a proof says who it was. */
const PERSONAL = ['evidence', 'revocation_reason', 'ip_address', 'user_agent'] as const satisfies (keyof Consent)[];

declareContactRows('consents', {
  // What counts of a purpose both spoke of: the refusal, else the newer.
  merge: async (tx, { actor, keep, gone }) => {
    const ids = [actor.organization_id, keep, gone];
    await tx.rows(
      `UPDATE consents SET is_current = false, updated_at = now()
        WHERE organization_id = $1 AND is_current AND id IN (
          SELECT (array_agg(id ORDER BY status = 'granted', created_at DESC, id DESC))[2] FROM consents
           WHERE organization_id = $1 AND subject_type = 'contact' AND subject_id IN ($2, $3) AND is_current GROUP BY purpose)`,
      ids,
    );
    await tx.rows(
      `UPDATE consents SET subject_id = $2, updated_at = now() WHERE organization_id = $1 AND subject_type = 'contact' AND subject_id = $3`,
      ids,
    );
  },
  erase: { blank: PERSONAL },
  anonymize: { blank: PERSONAL },
  export: EXPORTED,
});
declareUserRows('consents', { erase: { blank: PERSONAL }, export: EXPORTED });
