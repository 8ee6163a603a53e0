import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, IsUUID, Length, ValidateIf } from 'class-validator';
import { Alias } from '#common/alias';
import { Trim } from '#common/fields';
import { PageOf, PageQuery } from '#common/page.dto';
import { InPeriod } from '#common/period.dto';
import { MessageResponse } from './message.dto';

export class MessageSearchQuery extends InPeriod(PageQuery) {
  /**
   * Words of the text, all of them, in any order and form, with or without accents; they may be begun only, from three letters on. `-word`: texts that do not say it.
   * Aliases: query, q.
   */
  // Says again what PageQuery lets be absent.
  @Alias('query', 'q')
  @ApiProperty({ required: true, example: 'pedido' })
  @ValidateIf(() => true)
  @Trim()
  @IsString()
  @Length(2, 100)
  declare search: string;

  @IsOptional()
  @IsUUID()
  conversation_id?: string;

  @IsOptional()
  @IsUUID()
  contact_id?: string;

  @IsOptional()
  @IsUUID()
  whatsapp_number_id?: string;

  /** inbound and outbound mean incoming and outgoing. */
  @IsOptional()
  @IsIn(['incoming', 'outgoing', 'inbound', 'outbound'])
  direction?: string;
}

export class FoundContact {
  @ApiProperty({ format: 'uuid' })
  id: string;

  /** As an agent would call them. */
  display_name: string;
}

/** A message that was found. */
export class FoundMessage extends MessageResponse {
  /** HTML: the words in their place, `<mark>` around what was found and nothing else that is no text. */
  @ApiProperty({ example: 'Boa tarde, meu <mark>pedido</mark> 1042 já saiu?' })
  snippet: string;

  contact: FoundContact;
}

@ApiSchema({ name: 'MessageSearchList' })
export class MessageSearchPage extends PageOf(FoundMessage) {}
