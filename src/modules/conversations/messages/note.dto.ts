import { ArgsType, Field, ID } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { Alias } from '#common/alias';
import { NotBlank } from '#common/fields';

/** A word among the team. */
@ArgsType()
export class ConversationNoteCreate {
  /** Alias: content. */
  @Alias('content')
  @IsString()
  @Length(1, 4000)
  @NotBlank()
  note: string;

  /** Users whom it is meant for: they are told. */
  @Field(() => [ID], { nullable: true })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsUUID(undefined, { each: true })
  mentions?: string[];
}
