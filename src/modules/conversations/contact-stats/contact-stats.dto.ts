import { Field, Int, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';

/** What was said with a contact, in numbers. */
@ObjectType()
export class ContactStats {
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_conversations: number;

  /** Open or pending. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  open_conversations: number;

  /** Sent and received. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  total_messages: number;

  /** By us. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  messages_sent: number;

  /** From the contact. */
  @Field(() => Int)
  @ApiProperty({ type: 'integer' })
  messages_received: number;

  /**
   * Mean over the replies of people in the newest 50 conversations (of each the newest 500 messages), from the oldest message nobody had answered; bots
   * answer nothing. null: no reply.
   */
  @ApiProperty({ type: 'number', format: 'double', nullable: true })
  @Field(() => Number, { nullable: true })
  avg_response_time_minutes: number | null;

  /** null: nobody has written yet. */
  @Field(() => Date, { nullable: true })
  first_interaction: Date | null;

  @Field(() => Date, { nullable: true })
  last_interaction: Date | null;
}
