import { ArgsType, Field, ID, InputType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsEnum,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  MaxLength,
  ValidateIf,
} from 'class-validator';
import { Alias, BareList } from '#common/alias';
import { OneLine } from '#common/fields';
import { Json, type JsonObject } from '#common/json.scalar';
import { PickType } from '#common/mapped-types';
import { ConversationPriority } from './conversation.entity';

/** A priority that is called normal is medium (contract 20, 3.1). */
export const Normal = (): PropertyDecorator => Transform(({ value }: { value: unknown }) => (value === 'normal' ? 'medium' : value));

@InputType('ConversationCreateInput')
export class ConversationCreate {
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  contact_id?: string;

  /** Alias: to. The contact is made if it is not there. */
  @Alias('to')
  @IsOptional()
  @IsString()
  @MaxLength(40)
  contact_phone?: string;

  /** Used only for a new contact. */
  @OneLine()
  @IsOptional()
  @IsString()
  @Length(1, 255)
  contact_name?: string;

  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  whatsapp_number_id?: string;

  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_agent_id?: string;

  /** It waits in this queue, or where that sends on to. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  queue_id?: string;

  /** It waits in the department's queue of the highest priority, if it has one. */
  @Alias('assigned_department_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  department_id?: string;

  @ApiPropertyOptional({ enum: ConversationPriority })
  @IsOptional()
  @Normal()
  @IsEnum(ConversationPriority)
  @Field(() => String, { nullable: true })
  priority?: ConversationPriority;

  /** All of its labels; on an update they replace those it had. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @Field(() => [String], { nullable: true })
  tags?: string[];

  /** A text, or a message as `POST /conversations/{id}/messages` takes it. */
  @ApiPropertyOptional({
    oneOf: [{ type: 'string', maxLength: 4096 }, { $ref: '#/components/schemas/MessageSendRequest' }],
    example: 'Olá! Como posso ajudar?',
  })
  @IsOptional()
  @Field(() => String, { nullable: true })
  initial_message?: unknown;
}

@InputType('ConversationUpdateInput')
export class ConversationUpdate extends PickType(ConversationCreate, ['priority', 'tags']) {
  /** open, pending, resolved, closed; active means open, archived archives. */
  @IsOptional()
  @IsIn(['open', 'pending', 'resolved', 'closed', 'active', 'archived'])
  status?: string;

  /** Null: nobody. Alias: current_agent_id. */
  @Alias('current_agent_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_agent_id?: string | null;

  /** Another one: it waits there, without an agent unless one is given. Null: it waits in none. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  queue_id?: string | null;

  /** It becomes the department's; without an agent it waits in its queue of the highest priority. Alias: department_id. */
  @Alias('department_id')
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  assigned_department_id?: string | null;

  /** Only while the conversation has no number. */
  @IsOptional()
  @IsUUID()
  @Field(() => ID, { nullable: true })
  whatsapp_number_id?: string;

  @IsOptional()
  @IsObject()
  @Field(() => Json, { nullable: true })
  extra_data?: JsonObject;
}

@ArgsType()
export class ConversationAssign {
  /** Null: nobody. Alias: assigned_agent_id. */
  // GraphQL asks for an agent (contract 20 §11); nobody is `updateConversation`'s.
  @Field(() => ID, { nullable: false })
  @Alias('assigned_agent_id')
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  @ValidateIf((_, value) => value !== null)
  @IsUUID()
  agent_id: string | null;
}

@ArgsType()
export class ConversationClose {
  @IsOptional()
  @IsString()
  @MaxLength(500)
  reason?: string;

  /** Default true: also counts as resolved. */
  @IsOptional()
  @IsBoolean()
  resolved?: boolean;
}

/** More labels for a conversation; the list alone means the same. */
@ArgsType()
export class ConversationTags {
  /** Labels that are there already, in any case, stay as they are; a conversation has at most 20. */
  @Field(() => [String])
  @BareList()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  @IsString({ each: true })
  @Length(1, 50, { each: true })
  @Matches(/\S/, { each: true, message: 'tags must have something to read: white space is not text' })
  tags: string[];
}
