import { DEMO } from '#common/demo';
import { type PayloadsOf, declareEvents, event } from '#common/events';
import type { Contact } from '#modules/contacts/contact.entity';
import { type DataOf, declareSocketEvents } from '#realtime/realtime.events';
import {
  AssignmentNews,
  MessageNews,
  MessageStatusNews,
  RatingNews,
  TransferNews,
  UnassignmentNews,
  UnreadNews,
  WindowNews,
} from './conversation-news.dto';
import { ConversationView } from './conversation.dto';
import { type Conversation, ConversationStatus } from './conversation.entity';
import { MessageResponse } from './messages/message.dto';
import { MessageDirection, MessageStatus, MessageType, SenderType } from './messages/message.entity';
import type { Transfer } from './transfer.dto';

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

interface ContactTyping {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  contact_name: string | null;
  typing: boolean;
}

/** What of a message changed after it was filed. */
export type MessageChange = 'reaction' | 'edited' | 'deleted' | 'file';

interface MessageUpdated {
  organization_id: string;
  message: MessageResponse;
  change: MessageChange;
}

interface MessageStatusChanged {
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

interface ConversationHappened {
  organization_id: string;
  conversation_id: string;
  /** Who did it; null: the system. */
  user_id: string | null;
}

interface ConversationMoved extends ConversationHappened {
  status: ConversationStatus;
  previous_status: ConversationStatus;
}

interface ConversationAssigned extends ConversationHappened {
  agent_id: string | null;
  previous_agent_id: string | null;
  /** A person passed it on. */
  is_transfer?: true;
}

interface Addressed {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string;
  /** It began with this. */
  is_new: boolean;
  /** The newest message, by the provider's clock. */
  written_at: Date;
}

interface StopWordSaid {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  message_id: string;
  /** As words are compared. */
  word: string;
  /** It gives the leave to write first again; false: it ends it. */
  opt_in: boolean;
  /** By the provider's clock. */
  written_at: Date;
}

interface WindowExpiring {
  organization_id: string;
  conversation_id: string;
  window_expires_at: Date;
}

interface ConversationRated extends ConversationHappened {
  rating: number;
  rating_comment: string | null;
  rated_at: Date;
  /** Who had it. */
  agent_id: string | null;
  queue_id: string | null;
}

interface ConversationQueued extends ConversationHappened {
  queue_id: string;
  department_id: string;
}

const { organization_id, contact_id, conversation_id, message_id, number_id: whatsapp_number_id, user_id } = DEMO;

const RECEIVED: MessageResponse = {
  id: message_id,
  organization_id,
  conversation_id,
  contact_id,
  whatsapp_number_id,
  direction: MessageDirection.incoming,
  sender_type: SenderType.contact,
  sender_user_id: null,
  sender_name: 'João',
  message_type: MessageType.text,
  content: 'Boa tarde, meu pedido 1042 já saiu?',
  payload: { text: 'Boa tarde, meu pedido 1042 já saiu?' },
  media: null,
  media_url: null,
  media_type: null,
  media_caption: null,
  status: MessageStatus.received,
  whatsapp_message_id: 'wamid.HBgNNTUyMTk4NzY1MDAwMhUCABIYFjNFQjBDRjA',
  reply_to_message_id: null,
  forwarded: false,
  reactions: [],
  template_id: null,
  campaign_id: null,
  metadata: {},
  client_reference: null,
  is_internal_note: false,
  is_deleted: false,
  edited_at: null,
  resent_from_id: null,
  resent_as_id: null,
  error_code: null,
  error_message: null,
  pricing: null,
  sent_at: DEMO.time,
  delivered_at: null,
  read_at: null,
  played_at: null,
  failed_at: null,
  created_at: DEMO.time,
  updated_at: DEMO.time,
};

const CREATED: MessageResponse = {
  ...RECEIVED,
  direction: MessageDirection.outgoing,
  sender_type: SenderType.agent,
  sender_user_id: user_id,
  sender_name: 'Bruno Alves',
  content: 'Saiu agora, chega em 40 minutos.',
  payload: { text: 'Saiu agora, chega em 40 minutos.' },
  status: MessageStatus.pending,
  whatsapp_message_id: null,
  sent_at: null,
};

const received: MessageHappened = {
  organization_id,
  message: RECEIVED,
  contact: { id: contact_id, name: 'João Pereira', whatsapp_name: 'João', username: null, whatsapp_id: DEMO.phone, is_vip: false },
  conversation: {
    id: conversation_id,
    status: ConversationStatus.open,
    unread_count: 1,
    current_agent_id: user_id,
    last_message_at: DEMO.time,
    window_expires_at: new Date(DEMO.time.getTime() + 24 * 3600_000),
  },
};

const transfer: Transfer = {
  from_agent_id: user_id,
  to_agent_id: null,
  from_department_id: null,
  to_department_id: DEMO.department_id,
  to_queue_id: DEMO.queue_id,
  note: 'Quer trocar o bolo do pedido 1042',
  transferred_by: user_id,
  transferred_at: DEMO.time,
};

const conversation: ConversationHappened = { organization_id, conversation_id, user_id };
const { open, pending, resolved, closed } = ConversationStatus;
const from = (previous_status: ConversationStatus, status: ConversationStatus): ConversationMoved => ({
  ...conversation,
  status,
  previous_status,
});

export const INBOX_EVENTS = declareEvents({
  'contact.typing': event<ContactTyping>({
    text: 'A customer writes at this moment, or stopped; a qrcode number alone tells it.',
    sample: {
      organization_id: DEMO.organization_id,
      conversation_id: DEMO.conversation_id,
      contact_id: DEMO.contact_id,
      contact_name: 'João Pereira',
      typing: true,
    },
    sockets: ['typing'],
  }),
  'message.received': event<MessageHappened>({ text: 'A message of a customer was filed.', sample: received, sockets: ['message:new'] }),
  'message.created': event<MessageHappened>({
    text: 'A message to a customer was accepted and is on its way, or a note was kept.',
    sample: { ...received, message: CREATED, conversation: { ...received.conversation, unread_count: 0 } },
    sockets: ['message:new'],
  }),
  'message.status': event<MessageStatusChanged>({
    text: 'A message moved on: sent, delivered, read or failed.',
    sample: {
      organization_id,
      message_id,
      conversation_id,
      contact_id,
      whatsapp_number_id,
      status: MessageStatus.delivered,
      previous_status: MessageStatus.sent,
      timestamp: DEMO.time,
      error_code: null,
    },
    sockets: ['message:status'],
  }),
  'message.updated': event<MessageUpdated>({
    text: 'A message got a reaction, was edited or revoked, or its file is ready.',
    sample: {
      organization_id,
      message: { ...RECEIVED, reactions: [{ from: 'business', emoji: '👍', at: DEMO.time.toISOString() }] },
      change: 'reaction',
    },
    sockets: ['message:updated'],
  }),
  'conversation.created': event<ConversationHappened>({
    text: 'A conversation began.',
    sample: conversation,
    sockets: ['conversation:new'],
  }),
  'conversation.updated': event<ConversationHappened>({
    text: 'A conversation changed: priority, labels, number, department.',
    sample: conversation,
    sockets: ['conversation:updated'],
  }),
  'conversation.archived': event<ConversationHappened>({
    text: 'A conversation was archived.',
    sample: conversation,
    sockets: ['conversation:updated'],
  }),
  'conversation.resolved': event<ConversationMoved>({
    text: 'A conversation was resolved.',
    sample: from(open, resolved),
    sockets: ['conversation:status'],
  }),
  'conversation.closed': event<ConversationMoved>({
    text: 'A conversation was closed.',
    sample: from(open, closed),
    sockets: ['conversation:status'],
  }),
  'conversation.reopened': event<ConversationMoved>({
    text: "A resolved or closed conversation was opened again, by a person or by the customer's next message.",
    sample: from(closed, open),
    sockets: ['conversation:status'],
  }),
  'conversation.status': event<ConversationMoved>({
    text: 'A conversation moved between open and pending.',
    sample: from(open, pending),
    sockets: ['conversation:status'],
  }),
  'conversation.assigned': event<ConversationAssigned>({
    text: 'A conversation has another agent, or none any more.',
    sample: { ...conversation, agent_id: user_id, previous_agent_id: null },
    sockets: ['conversation:assigned', 'conversation:unassigned'],
  }),
  'conversation.transferred': event<ConversationHappened & { transfer: Transfer }>({
    text: 'A conversation was passed on to an agent, a department or a queue.',
    sample: { ...conversation, transfer },
    sockets: ['conversation:transferred'],
  }),
  'conversation.note_added': event<ConversationHappened & { message_id: string; mentions: string[] }>({
    text: 'A note was added for the team, perhaps for some of it by name.',
    sample: { ...conversation, message_id, mentions: [] },
  }),
  'conversation.queued': event<ConversationQueued>({
    text: 'A conversation began to wait in a queue.',
    sample: { ...conversation, queue_id: DEMO.queue_id, department_id: DEMO.department_id },
    sockets: ['conversation:updated', 'queue:updated'],
  }),
  'conversation.addressed': event<Addressed>({
    text: 'A customer wrote on a number that answers by itself (`auto_reply_enabled`).',
    sample: { organization_id, conversation_id, contact_id, whatsapp_number_id, is_new: true, written_at: DEMO.time },
  }),
  'conversation.stop_word': event<StopWordSaid>({
    text: 'A customer wrote nothing but a word that ends, or gives again, the leave to write first.',
    sample: {
      organization_id,
      conversation_id,
      contact_id,
      message_id: DEMO.message_id,
      word: 'parar',
      opt_in: false,
      written_at: DEMO.time,
    },
  }),
  'conversation.window_expiring': event<WindowExpiring>({
    text: 'Within the hour only templates may be sent in a conversation, unless the customer writes again.',
    sample: { organization_id, conversation_id, window_expires_at: new Date(DEMO.time.getTime() + 3600_000) },
    sockets: ['conversation:window_expiring'],
  }),
  'conversation.department_entered': event<ConversationHappened & { department_id: string }>({
    text: 'A conversation began to wait in a department without a queue.',
    sample: { ...conversation, department_id: DEMO.department_id },
    sockets: ['conversation:updated'],
  }),
  'conversation.dequeued': event<ConversationHappened & { queue_id: string }>({
    text: 'A conversation left its queue, for another one or for none.',
    sample: { ...conversation, queue_id: DEMO.queue_id },
    sockets: ['queue:updated'],
  }),
  'conversation.rated': event<ConversationRated>({
    text: 'A customer said how they found a conversation, or why.',
    sample: {
      ...conversation,
      user_id: null,
      rating: 5,
      rating_comment: 'Muito rápido!',
      rated_at: DEMO.time,
      agent_id: user_id,
      queue_id: DEMO.queue_id,
    },
    sockets: ['conversation:rated'],
  }),
  'conversation.unread': event<ConversationHappened & { unread_count: number }>({
    text: 'The team has read what came in, so far or in part.',
    sample: { ...conversation, unread_count: 0 },
    sockets: ['conversation:unread_update'],
  }),
});

/** What the sockets hear of the inbox. */
export const INBOX_NEWS = declareSocketEvents({
  'message:new': { text: 'A message came in, was accepted for sending, or a note was kept.', channel: 'messages', payload: MessageNews },
  'message:status': {
    text: 'A message moved on: sent, delivered, read or failed.',
    channel: 'messages',
    payload: MessageStatusNews,
    sample: { message_id, conversation_id, status: MessageStatus.delivered, timestamp: DEMO.time },
  },
  'message:updated': {
    text: 'A message got a reaction, was edited or revoked, or its file is ready.',
    channel: 'messages',
    payload: MessageResponse,
    sample: RECEIVED,
  },
  'conversation:new': { text: 'A conversation began.', channel: 'conversations', payload: ConversationView },
  'conversation:updated': {
    text: 'A conversation changed: priority, labels, number, department, archive.',
    channel: 'conversations',
    payload: ConversationView,
  },
  'conversation:status': {
    text: 'A conversation was opened again, resolved or closed.',
    channel: 'conversations',
    payload: ConversationView,
  },
  'conversation:unread_update': {
    text: 'How many incoming messages the team has not read.',
    channel: 'conversations',
    payload: UnreadNews,
    sample: { conversation_id, unread_count: 0 },
  },
  'conversation:rated': {
    text: 'A customer said how they found a conversation, or why.',
    channel: 'conversations',
    payload: RatingNews,
    sample: {
      conversation_id,
      rating: 5,
      rating_comment: 'Muito rápido!',
      rated_at: DEMO.time,
      agent_id: user_id,
      queue_id: DEMO.queue_id,
    },
  },
  'conversation:assigned': { text: 'A conversation has an agent, or another one.', channel: 'conversations', payload: AssignmentNews },
  'conversation:transferred': {
    text: 'A conversation was passed on to an agent, a department or a queue.',
    channel: 'conversations',
    payload: TransferNews,
  },
  'conversation:window_expiring': {
    text: 'Within the hour only templates may be sent, unless the customer writes again; once for each window.',
    channel: 'conversations',
    payload: WindowNews,
    sample: { conversation_id, window_expires_at: new Date(DEMO.time.getTime() + 3600_000) },
  },
  'conversation:unassigned': {
    text: 'A conversation has no agent any more.',
    channel: 'conversations',
    payload: UnassignmentNews,
    sample: { conversation_id, previous_agent_id: user_id, queue_id: null, reason: 'manual' },
  },
});

declare module '#common/events' {
  interface Events extends PayloadsOf<typeof INBOX_EVENTS> {}
}

declare module '#realtime/realtime.events' {
  interface RealtimeEvents extends DataOf<typeof INBOX_NEWS> {}
}
