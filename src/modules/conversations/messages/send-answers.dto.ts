import { Field, ID, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '#common/json.scalar';
import { MessageResponse } from './message.dto';
import { MessageStatus } from './message.entity';

/** What a send answers at once; later news are message:status events. */
@ObjectType()
export class SendResult {
  @Field(() => ID)
  message_id: string;

  @ApiProperty({ enum: MessageStatus })
  status: string;

  @ApiProperty({ type: String, nullable: true, maxLength: 512 })
  whatsapp_message_id: string | null;

  @Field(() => ID)
  conversation_id: string;

  @Field(() => ID)
  contact_id: string;

  @ApiProperty({ type: () => MessageResponse })
  message: MessageResponse;
}

export class StatusHistoryEntry {
  @ApiProperty({ enum: MessageStatus })
  status: string;

  timestamp: Date;

  @ApiProperty({ enum: ['api', 'webhook'] })
  source: string;
}

export class MessageStatusAnswer {
  message_id: string;

  @ApiProperty({ enum: MessageStatus })
  status: string;

  @ApiProperty({ type: String, nullable: true, maxLength: 512 })
  whatsapp_message_id: string | null;

  sent_at: Date | null;

  delivered_at: Date | null;

  read_at: Date | null;

  failed_at: Date | null;

  error_code: string | null;

  error_message: string | null;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  pricing: JsonObject | null;

  @ApiProperty({ type: [StatusHistoryEntry] })
  status_history: StatusHistoryEntry[];
}
