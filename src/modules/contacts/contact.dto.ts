import { ArgsType, Field, ID, InputType, ObjectType } from '@nestjs/graphql';
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { BareList } from '#common/alias';
import { DayOrInstant, NotBefore, Phone, QueryBoolean, Trim } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { ArgsOf, PartialType, PickType } from '#common/mapped-types';
import { PAGING, PageOf, PageQuery } from '#common/page.dto';
import { TAGS_OF_CONTACT_MAX } from '#modules/tags/contact-tag.entity';
import { TagDetail, TagList } from '#modules/tags/tag.dto';
import { IdentityKind } from './contact-identity.entity';
import { Contact } from './contact.entity';

/** One of the names WhatsApp gives a person. */
@ObjectType('ContactIdentity')
@ApiSchema({ name: 'ContactIdentity' })
export class ContactIdentityView {
  /** phone, bsuid, parent_bsuid or lid. */
  @Field(() => String)
  @ApiProperty({ enum: IdentityKind })
  kind: string;

  /** As WhatsApp writes it; a phone as the digits by which it is matched. */
  value: string;

  /** WhatsApp Business Account a BSUID counts in; null for phone and lid. */
  @ApiProperty({ type: String, nullable: true, maxLength: 64 })
  portfolio_id: string | null;

  /** False: resolves late webhooks, is not sent to. */
  is_active: boolean;

  first_seen_at: Date;

  last_seen_at: Date;
}

/** A person who writes or is written to on WhatsApp. */
@ObjectType('Contact')
@ApiSchema({ name: 'Contact' })
export class ContactView extends Contact {
  /** Always whatsapp_id. */
  phone_number: string | null;

  /** Always whatsapp_id. */
  phone: string | null;

  /** name, else whatsapp_name, @username, whatsapp_id. */
  display_name: string | null;

  /** Every name WhatsApp gave this person, oldest first. */
  @Field(() => [ContactIdentityView])
  identities: ContactIdentityView[];

  /** Names of the tags, A to Z. */
  tags: string[];

  @Field(() => [TagDetail])
  tag_details: TagDetail[];

  /** Opted in and not blocked. */
  can_receive_marketing: boolean;

  /** Always last_message_at. */
  last_interaction_at: Date | null;
}

@ApiSchema({ name: 'ContactList' })
export class ContactPage extends PageOf(ContactView) {}

const WRITABLE = [
  'whatsapp_id',
  'alternative_phone',
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
  'source',
  'lifecycle_stage',
  'lead_score',
  'opt_in',
  'is_blocked',
  'blocked_reason',
  'is_vip',
  'assigned_agent_id',
  'assigned_department_id',
] as const;

/** Names and ids of tags, each of a length a name may have. */
const TagRefList = (): PropertyDecorator =>
  applyDecorators(TagList(), IsArray(), ArrayMaxSize(TAGS_OF_CONTACT_MAX), IsString({ each: true }), Length(1, 50, { each: true }));

/** What one may write of a contact. The aliases stand here for the documents; the pipe has moved them to their field by then. */
@InputType({ isAbstract: true })
class ContactFields extends PickType(Contact, WRITABLE) {
  /** Alias of whatsapp_id; another number beside it becomes alternative_phone. */
  @IsOptional()
  @Phone()
  phone_number?: string | null;

  /** Alias of whatsapp_id; another number beside it becomes alternative_phone. */
  @IsOptional()
  @Phone()
  phone?: string | null;

  /** Names or ids of tags, instead of those there are; a name nobody has used is a new tag. */
  @TagRefList()
  tags?: string[];

  /** Alias of name. */
  full_name?: string | null;

  /** Alias of address_postal_code. */
  address_zipcode?: string | null;

  /** Alias of attributes. */
  @Field(() => Json, { nullable: true })
  custom_attributes?: JsonObject;

  /** Alias of attributes. */
  @Field(() => Json, { nullable: true })
  custom_fields?: JsonObject;
}

/** Absent keeps, null clears. Changing whatsapp_id makes the old number an inactive identity. */
@InputType('ContactUpdateInput')
export class ContactUpdate extends PartialType(ContactFields) {}

/** One of whatsapp_id, phone_number and phone is required; null is the same as absent. */
@InputType('ContactCreateInput')
export class ContactCreate extends PartialType(ContactFields) {}
for (const field of [...WRITABLE, 'tags']) IsOptional()(ContactCreate.prototype, field);

/** What the sockets hear of a contact that is gone. */
export class ContactGone {
  id: string;
}

/** What the sockets hear of two contacts that became one. */
export class ContactsMerged {
  /** The one that stays. */
  contact_id: string;

  merged_contact_id: string;
}

@ArgsType()
export class ContactBlock {
  /** Shown to the team. A second block changes it. */
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string | null;
}

/** Tags by name or id; a list alone stands for `tags`. */
@ArgsType()
export class TagRefs {
  /** Names or ids. */
  @BareList()
  @IsOptional()
  @TagRefList()
  tags?: string[];

  @Field(() => [ID], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(TAGS_OF_CONTACT_MAX)
  @IsUUID(undefined, { each: true })
  tag_ids?: string[];
}

/** For proxies that drop the body of a DELETE. */
export class TagRefsQuery {
  /** Names or ids, with commas. */
  @ApiPropertyOptional({ type: String, example: 'Festa' })
  @IsOptional()
  @TagRefList()
  tags?: string[];
}

export class ContactMerge {
  /** The contact that becomes one with that of the path; the older of the two stays. */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toLowerCase() : value))
  @IsUUID()
  other_contact_id: string;
}

export class ContactQuery extends PageQuery {
  /** Names or ids of tags, with commas. */
  @ApiPropertyOptional({ type: String, example: 'Cliente fiel' })
  @IsOptional()
  @TagRefList()
  tags?: string[];

  /** Contacts that have any of `tags` (default), or all. */
  @IsOptional()
  @IsIn(['any', 'all'])
  tags_match?: 'any' | 'all';

  /** Only those of this agent. */
  @IsOptional()
  @IsUUID()
  assigned_agent_id?: string;

  /** Only those of this department. */
  @IsOptional()
  @IsUUID()
  department_id?: string;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_blocked?: boolean;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  is_vip?: boolean;

  @QueryBoolean()
  @IsOptional()
  @IsBoolean()
  opt_in?: boolean;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  lifecycle_stage?: string;

  @IsOptional()
  @IsString()
  @MaxLength(100)
  source?: string;

  /** A day (from its start, in the organization's time zone) or an instant with its offset. */
  @IsOptional()
  @DayOrInstant()
  created_from?: string;

  /** A day (to its end, in the organization's time zone) or an instant with its offset. */
  @IsOptional()
  @DayOrInstant()
  @NotBefore('created_from')
  created_to?: string;
}

@ArgsType()
export class ContactArgs extends ArgsOf(ContactQuery) {}

@ArgsType()
export class ContactFilter extends ArgsOf(ContactQuery, PAGING) {}

export class ContactSearch extends ContactQuery {
  /** Words or a part of a phone number to look for. Aliases: query, q. */
  // Says again what PageQuery lets be absent.
  @Trim()
  @ApiProperty({ required: true, example: 'pereira' })
  @ValidateIf(() => true)
  @IsString()
  @IsNotEmpty()
  @MaxLength(100)
  declare search: string;
}
