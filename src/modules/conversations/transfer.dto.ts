import { ArgsType, Field, ID, ObjectType } from '@nestjs/graphql';
import { IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { Alias } from '#common/alias';

/** A conversation passed on. */
@ObjectType('ConversationTransferred')
export class Transfer {
  @Field(() => ID, { nullable: true })
  from_agent_id: string | null;

  /** null: to whoever gets it from there. */
  @Field(() => ID, { nullable: true })
  to_agent_id: string | null;

  @Field(() => ID, { nullable: true })
  from_department_id: string | null;

  @Field(() => ID, { nullable: true })
  to_department_id: string | null;

  /** Where it went to wait: beside a full queue another one than was asked for. */
  @Field(() => ID, { nullable: true })
  to_queue_id: string | null;

  note: string | null;

  /** The user; null: the system. */
  @Field(() => ID, { nullable: true })
  transferred_by: string | null;

  transferred_at: Date;
}

/** To an agent, or to wait in a department or a queue. With an agent and a department it becomes both's. */
@ArgsType()
export class ConversationTransfer {
  /** It is theirs at once. Alias: agent_id. */
  @Alias('agent_id')
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  to_agent_id?: string;

  /** It waits in its queue of the highest priority, or in the department itself where it has none. Alias: to_department_id. */
  @Alias('to_department_id')
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  department_id?: string;

  /** It waits there, or where that sends on to; of the department, if one is given. Alias: to_queue_id. */
  @Alias('to_queue_id')
  @Field(() => ID, { nullable: true })
  @IsOptional()
  @IsUUID()
  queue_id?: string;

  /** For whoever gets it. Alias: reason. */
  @Alias('reason')
  @IsOptional()
  @IsString()
  @MaxLength(500)
  note?: string;
}
