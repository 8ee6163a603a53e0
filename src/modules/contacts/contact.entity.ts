import { Field, HideField, ID, Int, ObjectType } from '@nestjs/graphql';
import { ApiHideProperty, ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsEmail, IsInt, IsObject, IsOptional, IsString, IsUUID, Length, Max, MaxLength, Min } from 'class-validator';
import { Column, Entity, Index } from 'typeorm';
import { Alias } from '#common/alias';
import { EmailText, OneLine, Phone, WebUrl } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { Reference } from '#database/references';
import { SoftDeletedEntity } from '#database/tenant.entity';
import { User } from '#modules/users/user.entity';
import { declareContactRows, declareUserRows } from '#database/personal-data';
import { declareResource } from '#modules/organizations/plan-resources';

/** A person who writes or is written to on WhatsApp. The API answers a `ContactView`: this row and what is derived from it. */
@Entity('contacts')
@Reference(() => User, 'assigned_agent_id', 'SET NULL')
@Reference('Department', 'assigned_department_id', 'SET NULL')
@ObjectType({ isAbstract: true })
@Index('contacts_match_key', ['organization_id', 'match_key'], { unique: true, where: 'deleted_at IS NULL' })
@Index('contacts_newest_idx', ['organization_id', 'created_at', 'id'], { where: 'deleted_at IS NULL' })
@Index('contacts_agent_idx', ['organization_id', 'assigned_agent_id', 'created_at', 'id'], {
  where: 'assigned_agent_id IS NOT NULL AND deleted_at IS NULL',
})
@Index('contacts_department_idx', ['organization_id', 'assigned_department_id', 'created_at', 'id'], {
  where: 'assigned_department_id IS NOT NULL AND deleted_at IS NULL',
})
@Index('contacts_vip_idx', ['organization_id', 'created_at', 'id'], { where: 'is_vip AND deleted_at IS NULL' })
@Index('contacts_blocked_idx', ['organization_id', 'created_at', 'id'], { where: 'is_blocked AND deleted_at IS NULL' })
// From A to Z, those without a name first; the migration writes it.
@Index('contacts_name_idx', { synchronize: false })
@Index('contacts_gone_idx', ['organization_id', 'id'], { where: 'deleted_at IS NOT NULL' })
// An expression over the words of a contact; the migration writes it.
@Index('contacts_search_idx', { synchronize: false })
@Index('contacts_alternative_idx', { synchronize: false })
export class Contact extends SoftDeletedEntity {
  /** E.164; `anon:` and an id for a person who was made nobody's; null only for a person WhatsApp shows without a phone. Aliases: phone_number, phone. */
  @Column('varchar', { length: 41, nullable: true })
  @IsOptional()
  @Phone()
  @ApiProperty({ type: String, nullable: true, maxLength: 41 })
  whatsapp_id: string | null;

  /** Same person under every spelling of the number (Brazil's ninth digit and the like). */
  @Column('varchar', { length: 20, nullable: true })
  @HideField()
  @ApiHideProperty()
  match_key?: string | null;

  /** Digits as WhatsApp reports them. */
  @Column('varchar', { length: 20, nullable: true })
  @ApiProperty({ type: String, nullable: true, maxLength: 20 })
  wa_id: string | null;

  /** E.164; a body with whatsapp_id and another phone_number or phone puts the latter here. */
  @Column('varchar', { length: 20, nullable: true })
  @IsOptional()
  @Phone()
  alternative_phone: string | null;

  /** The newest active business-scoped user id (BSUID). */
  @Column('varchar', { length: 150, nullable: true })
  @ApiProperty({ type: String, nullable: true, maxLength: 150 })
  whatsapp_user_id: string | null;

  /** WhatsApp username as last seen; display only. */
  @Column('varchar', { length: 60, nullable: true })
  username: string | null;

  /** Profile name from WhatsApp; refreshed on each incoming message. */
  @Column('varchar', { length: 255, nullable: true })
  whatsapp_name: string | null;

  /** Alias: full_name. */
  @Column('varchar', { length: 255, nullable: true })
  @Alias('full_name')
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(1, 255)
  name: string | null;

  /** Lower case; not unique. */
  @Column('varchar', { length: 255, nullable: true })
  @EmailText()
  @IsOptional()
  @IsEmail()
  @MaxLength(255)
  email: string | null;

  @Column('varchar', { length: 2048, nullable: true })
  @IsOptional()
  @WebUrl()
  avatar_url: string | null;

  @Column('varchar', { length: 255, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  company: string | null;

  @Column('varchar', { length: 255, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  job_title: string | null;

  @Column('varchar', { length: 5000, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(5000)
  notes: string | null;

  @Column('varchar', { length: 255, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(255)
  address_street: string | null;

  @Column('varchar', { length: 100, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  address_city: string | null;

  @Column('varchar', { length: 100, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  address_state: string | null;

  @Column('varchar', { length: 100, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  address_country: string | null;

  /** Alias: address_zipcode. */
  @Column('varchar', { length: 20, nullable: true })
  @Alias('address_zipcode')
  @IsOptional()
  @IsString()
  @MaxLength(20)
  address_postal_code: string | null;

  /** Custom attributes; aliases custom_attributes, custom_fields. An update merges; null removes a key. */
  @Column('jsonb', { default: {} })
  @Field(() => Json)
  @Alias('custom_attributes', 'custom_fields')
  @IsObject()
  attributes: JsonObject;

  /** api, whatsapp, import, campaign, chatbot, ad, or a word of yours. */
  @Column('varchar', { length: 100, default: 'api' })
  @IsString()
  @Length(1, 100)
  source: string;

  /** Free text; the interface offers lead, prospect, customer, vip, churned. */
  @Column('varchar', { length: 50, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(50)
  lifecycle_stage: string | null;

  @Column('int', { default: 0 })
  @Field(() => Int)
  @IsInt()
  @Min(0)
  @Max(1000)
  lead_score: number;

  /** Leave to write first; campaigns obey it. */
  @Column('boolean', { default: true })
  @IsBoolean()
  opt_in: boolean;

  /** Since when it is given; null while it is not. */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  opt_in_date: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  opt_out_date: Date | null;

  @Column('boolean', { default: false })
  @IsBoolean()
  is_blocked: boolean;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  blocked_at: Date | null;

  @Column('varchar', { length: 500, nullable: true })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  blocked_reason: string | null;

  @Column('boolean', { default: false })
  @IsBoolean()
  is_vip: boolean;

  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  assigned_agent_id: string | null;

  /** Who looks after them. */
  @Column('uuid', { nullable: true })
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  assigned_department_id: string | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_message_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_message_received_at: Date | null;

  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  last_message_sent_at: Date | null;

  /** By us. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  total_messages_sent: number;

  /** From the contact. */
  @Column('int', { default: 0 })
  @Field(() => Int)
  total_messages_received: number;

  @Column('int', { default: 0 })
  @Field(() => Int)
  total_conversations: number;

  /** Since when the contact is nobody's (`POST /privacy/data/{user_id}/anonymize`). */
  @Column({ type: 'timestamptz', precision: 3, nullable: true })
  anonymized_at: Date | null;
}

/** What says nothing of who the person is: all the audit log may tell of a contact. */
const IMPERSONAL: ReadonlySet<string> = new Set<keyof Contact | 'tag_ids' | 'merged_contact_id'>([
  'source',
  'lifecycle_stage',
  'lead_score',
  'opt_in',
  'opt_in_date',
  'opt_out_date',
  'is_blocked',
  'blocked_at',
  'is_vip',
  'assigned_agent_id',
  'assigned_department_id',
  'tag_ids',
  'merged_contact_id',
]);

export const mayTell = (field: string): boolean => IMPERSONAL.has(field);

/** A contact, or what changed of one, as the audit log tells it: the number is told once. */
export const told = <T extends { match_key?: string | null }>({ match_key: _, ...fields }: T): Omit<T, 'match_key'> => fields;

/** What says who the person is. */
const PERSONAL = [
  'whatsapp_id',
  'match_key',
  'wa_id',
  'alternative_phone',
  'whatsapp_user_id',
  'username',
  'whatsapp_name',
  'name',
  'email',
  'avatar_url',
  'company',
  'job_title',
  'notes',
  'address_street',
  'address_city',
  'address_state',
  'address_country',
  'address_postal_code',
  'attributes',
  'blocked_reason',
] as const satisfies (keyof Contact)[];

/** What is left of a person who is nobody's. */
export const ANONYMOUS = {
  blank: PERSONAL,
  words: { name: "'Anonymized ' || left(md5(id::text), 8)", whatsapp_id: "'anon:' || id" },
};

declareContactRows('contacts', {
  // By mergeContacts.
  merge: null,
  erase: 'delete',
  anonymize: ANONYMOUS,
  export: [
    ...PERSONAL.filter((column) => column !== 'match_key'),
    'source',
    'lifecycle_stage',
    'opt_in',
    'opt_in_date',
    'opt_out_date',
    'is_blocked',
    'blocked_at',
    'created_at',
  ],
});
declareUserRows('contacts', { erase: { blank: ['assigned_agent_id'] }, export: [] });

declareResource('contacts', {
  text: 'Contacts.',
  limits: { free: 1_000, starter: 10_000, growth: 25_000, professional: 50_000, enterprise: -1 },
  usage: 'SELECT count(*)::int FROM contacts WHERE organization_id = $1 AND deleted_at IS NULL',
});

declare module '#modules/organizations/plan-resources' {
  interface PlanResources {
    contacts: true;
  }
}
