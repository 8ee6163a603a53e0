import { ArgsType, Field, ID } from '@nestjs/graphql';
import { OmitType } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, IsString, IsUUID, Matches, MaxLength } from 'class-validator';
import { Alias, inheritAliases } from '#common/alias';
import { QueryBoolean } from '#common/fields';
import { ArgsOf } from '#common/mapped-types';
import { PageQuery } from '#common/page.dto';
import { InPeriod } from '#common/period.dto';

export class MessageQuery extends PageQuery {
  /** Words of the text, as `GET /whatsapp/messages/search` reads them; notes are not searched. Aliases: query, q. */
  @Alias('query', 'q')
  @IsOptional()
  @IsString()
  @MaxLength(100)
  declare search?: string;

  /** Messages before this one: a message id or an ISO time. `total` counts those after it too; `next_cursor` goes on to older ones with `sort=created_at:desc`. */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  before?: string;

  /** Messages after this one: a message id or an ISO time. `total` counts those before it too. */
  @IsOptional()
  @IsString()
  @MaxLength(40)
  after?: string;

  /** Default true. */
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  include_notes?: boolean;

  @IsOptional()
  @IsString()
  @MaxLength(20)
  message_type?: string;

  /** incoming, outgoing, internal; inbound and outbound mean the first two. */
  @IsOptional()
  @IsIn(['incoming', 'outgoing', 'internal', 'inbound', 'outbound'])
  direction?: string;
}

@ArgsType()
export class MessageArgs extends ArgsOf(MessageQuery) {}

export class NoteQuery extends OmitType(PageQuery, ['search']) {}
inheritAliases(PageQuery.prototype, NoteQuery.prototype, ['skip']);

/** The newest messages of each conversation that is shown. */
@ArgsType()
export class NewestMessages extends ArgsOf(PageQuery, ['skip', 'page', 'cursor', 'search', 'sort']) {
  /** Only those before this one. */
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  before?: string;
}

export class MessageHistoryQuery extends InPeriod(MessageQuery) {
  @IsOptional()
  @IsUUID()
  conversation_id?: string;

  @IsOptional()
  @IsUUID()
  contact_id?: string;

  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;

  @IsOptional()
  @Matches(/^[a-z]+(,[a-z]+)*$/, { message: 'status must be a status of messages; several with commas' })
  status?: string;
}
