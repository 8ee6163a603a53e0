import type { Contact } from '#modules/contacts/contact.entity';
import type { Conversation, ConversationStatus } from './conversation.entity';
import type { MessageResponse } from './messages/message.dto';

/** The little of a contact that goes with a message. */
export type MessageContact = Pick<Contact, 'id' | 'name' | 'whatsapp_name' | 'username' | 'whatsapp_id' | 'is_vip'>;

/** The little of a conversation that goes with a message. */
export type MessageConversation = Pick<
  Conversation,
  'id' | 'status' | 'unread_count' | 'current_agent_id' | 'last_message_at' | 'window_expires_at'
>;

export interface MessageHappened {
  organization_id: string;
  message: MessageResponse;
  contact: MessageContact;
  conversation: MessageConversation;
}

export interface MessageStatusChanged {
  organization_id: string;
  message_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  status: string;
  previous_status: string;
  timestamp: Date;
  error_code: string | null;
}

export interface ConversationHappened {
  organization_id: string;
  conversation_id: string;
  /** Who did it; null: the system. */
  user_id: string | null;
}

export interface ConversationMoved extends ConversationHappened {
  status: ConversationStatus;
  previous_status: ConversationStatus;
}

declare module '#common/events' {
  interface Events {
    /** An incoming message was filed. */
    'message.received': MessageHappened;
    /** An outgoing message was accepted by us and is on its way. */
    'message.created': MessageHappened;
    'message.status': MessageStatusChanged;
    /** Reaction, edit, delete, file ready. */
    'message.updated': { organization_id: string; message: MessageResponse };
    'conversation.created': ConversationHappened;
    'conversation.updated': ConversationHappened;
    'conversation.archived': ConversationHappened;
    'conversation.resolved': ConversationMoved;
    'conversation.closed': ConversationMoved;
    /** From resolved or closed: by a person, or by the customer's next message. */
    'conversation.reopened': ConversationMoved;
    /** Between open and pending. */
    'conversation.status': ConversationMoved;
    'conversation.assigned': ConversationHappened & { agent_id: string | null; previous_agent_id: string | null };
    'conversation.unread': ConversationHappened & { unread_count: number };
    /** The team has read up to this incoming message. */
    'message.read_here': { organization_id: string; message_id: string };
  }
}
