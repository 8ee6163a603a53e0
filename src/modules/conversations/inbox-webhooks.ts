import { Injectable } from '@nestjs/common';
import { DEMO } from '#common/demo';
import { Database } from '#database/database';
import type { FactName, ReadFact } from '#events/facts';
import { type CarriedRows, WebhookEvents } from '#events/webhook-events';
import { conversationViews } from './conversation-views';
import type { ConversationView } from './conversation.dto';
import { ConversationPriority, ConversationStatus } from './conversation.entity';
import { INBOX_EVENTS, type MessageChange } from './conversations.events';
import { type MessageResponse, presentMessage } from './messages/message.dto';
import { Message, MessageStatus, MessageType, SenderType } from './messages/message.entity';

const { sample } = INBOX_EVENTS['message.received'];

const CONVERSATION: Partial<ConversationView> & { id: string } = {
  id: DEMO.conversation_id,
  organization_id: DEMO.organization_id,
  contact_id: DEMO.contact_id,
  whatsapp_number_id: DEMO.number_id,
  status: ConversationStatus.open,
  priority: ConversationPriority.medium,
  current_agent_id: DEMO.user_id,
  department_id: DEMO.department_id,
  queue_id: null,
  unread_count: 1,
  tags: [],
  last_message_at: DEMO.time,
  created_at: DEMO.time,
  updated_at: DEMO.time,
};

const CHANGED = [
  'conversation.created',
  'conversation.assigned',
  'conversation.transferred',
  'conversation.resolved',
  'conversation.closed',
  'conversation.reopened',
  'conversation.archived',
  'conversation.rated',
] as const satisfies readonly FactName[];

const OF_MESSAGE = ['message', 'conversation', 'contact', 'whatsapp_number'];
const OF_CONVERSATION = ['conversation', 'contact'];

const messageOf = ({ message }: CarriedRows): Partial<Message> => message ?? {};

/** What customers' webhooks hear of the inbox. */
@Injectable()
export class InboxWebhooks {
  constructor(events: WebhookEvents, database: Database) {
    events.carry<MessageResponse>('message', {
      show: async (tx, actor, ids) => (await database.repository(Message, tx).many(actor, ids)).map(presentMessage),
      sample: sample.message,
    });
    events.carry<ConversationView>('conversation', {
      show: conversationViews,
      sample: CONVERSATION,
    });
    for (const name of CHANGED) events.tell({ [name]: { text: INBOX_EVENTS[name].text, of: [name], carries: OF_CONVERSATION } });
    events.tell({
      'conversation.updated': {
        text: 'A conversation changed: priority, labels, number, department, or between open and pending.',
        of: ['conversation.updated', 'conversation.status'],
        carries: OF_CONVERSATION,
      },
      'conversation.note_added': {
        text: 'An internal note was written into a conversation.',
        of: ['message.created'],
        when: (_fact, rows) => messageOf(rows).message_type === MessageType.note,
        carries: ['message', ...OF_CONVERSATION],
      },
      'message.received': { text: INBOX_EVENTS['message.received'].text, of: ['message.received'], carries: OF_MESSAGE },
      'message.sent': {
        text: 'A message to a customer was taken by WhatsApp, or was typed on the phone of the business.',
        of: ['message.status', 'message.created'],
        when: (fact, rows) =>
          fact.name === 'message.status' ? is(MessageStatus.sent)(fact) : messageOf(rows).sender_type === SenderType.device,
        carries: OF_MESSAGE,
        sample: { status: MessageStatus.sent, previous_status: MessageStatus.pending },
      },
      'message.reaction': changed('reaction', 'A message got a reaction, another one, or lost it.'),
      'message.deleted': changed('deleted', 'Who wrote a message deleted it.'),
    });
    for (const [status, text] of [
      [MessageStatus.delivered, 'A message to a customer was delivered.'],
      [MessageStatus.read, 'A customer read a message.'],
      [MessageStatus.failed, 'A message to a customer failed; `error_code` says why.'],
    ] as const)
      events.tell({
        [`message.${status}`]: { text, of: ['message.status'], when: is(status), carries: OF_MESSAGE, sample: { status } },
      });
  }
}

const is =
  (status: MessageStatus) =>
  ({ data }: ReadFact): boolean =>
    data['status'] === status;

const changed = (change: MessageChange, text: string) => ({
  text,
  of: ['message.updated'] as const,
  when: ({ data }: ReadFact) => data['change'] === change,
  carries: OF_MESSAGE,
  sample: { change },
});
