import { ApiProperty } from '@nestjs/swagger';
import { ConversationView } from './conversation.dto';
import { ConversationStatus } from './conversation.entity';
import { MessageResponse } from './messages/message.dto';
import { MessageStatus } from './messages/message.entity';
import { Transfer } from './transfer.dto';

// What the sockets hear of the inbox where it is neither a conversation nor a message.

export class NewsContact {
  id: string;

  /** As an agent would call them. */
  name: string | null;

  phone_number: string | null;
}

export class NewsConversation {
  id: string;

  status: ConversationStatus;

  @ApiProperty({ type: 'integer' })
  unread_count: number;

  current_agent_id: string | null;

  last_message_at: Date | null;

  window_expires_at: Date | null;
}

/** A message with whose it is and how its conversation is now. */
export class MessageNews extends MessageResponse {
  contact: NewsContact;

  conversation: NewsConversation;
}

export class MessageStatusNews {
  message_id: string;

  conversation_id: string;

  /** Moves forward only: pending, sent, delivered, read; or failed. */
  @ApiProperty({ enum: MessageStatus })
  status: string;

  timestamp: Date;

  /** Of a failed message: the provider's or our own code. */
  @ApiProperty({ required: false })
  error_code?: string;
}

export class UnreadNews {
  conversation_id: string;

  @ApiProperty({ type: 'integer' })
  unread_count: number;
}

export class WindowNews {
  conversation_id: string;

  window_expires_at: Date;
}

export class RatingNews {
  conversation_id: string;

  /** 1 to 5. */
  @ApiProperty({ type: 'integer', minimum: 1, maximum: 5 })
  rating: number;

  rating_comment: string | null;

  rated_at: Date;

  /** Who had it. */
  agent_id: string | null;

  queue_id: string | null;
}

export class NewsAgent {
  id: string;

  full_name: string;
}

export class AssignmentNews {
  conversation_id: string;

  agent: NewsAgent | null;

  previous_agent_id: string | null;

  department_id: string | null;

  queue_id: string | null;

  /** The user who did it; null: the system. */
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  assigned_by: string | null;

  assigned_at: Date | null;

  conversation: ConversationView;
}

/** The newest transfer of a conversation, and the conversation with it. */
export class TransferNews {
  conversation_id: string;

  transfer: Transfer;

  conversation: ConversationView;
}

export class UnassignmentNews {
  conversation_id: string;

  previous_agent_id: string | null;

  queue_id: string | null;

  @ApiProperty({ enum: ['manual'] })
  reason: 'manual';
}
