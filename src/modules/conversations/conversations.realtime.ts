import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Actor } from '#common/actor';
import { EventBus } from '#common/events';
import type { Publication, RealtimeEvent } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import { RealtimeRooms } from '#realtime/realtime.rooms';
import { displayName } from '#modules/contacts/present-contact';
import { Metrics } from '#observability/metrics';
import type { ConversationView } from './conversation.dto';
import { ConversationsService } from './conversations.service';
import type { MessageHappened } from './conversations.events';

/** Conversations that changed together are read together. */
const GATHER_MS = 20;

/** An event with the data that is its own. */
type News = { [E in RealtimeEvent]: Pick<Publication<E>, 'event' | 'data'> }[RealtimeEvent];
type Tell = (conversation: ConversationView) => News;

/** What the sockets hear of the inbox (contract 20, 10.1). */
@Injectable()
export class ConversationsRealtime implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(ConversationsRealtime.name);
  private waiting = new Map<string, Map<string, Tell[]>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly hub: RealtimeHub,
    private readonly rooms: RealtimeRooms,
    private readonly conversations: ConversationsService,
    private readonly events: EventBus,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.rooms.admit('conversation', (actor, ids) => this.conversations.among(actor, ids));
    const incoming = this.metrics.counter('whatsapp_messages_total').labels({ direction: 'incoming', status: 'received' });
    this.events.on('message.received', (happened) => {
      incoming.inc();
      this.message(happened);
    });
    this.events.on('message.created', (happened) => this.message(happened));
    this.events.on('message.status', ({ organization_id, conversation_id, message_id, status, timestamp, error_code }) =>
      this.hub.publish({
        organization_id,
        conversation_id,
        event: 'message:status',
        data: { message_id, conversation_id, status, timestamp, ...(error_code && { error_code }) },
      }),
    );
    this.events.on('message.updated', ({ organization_id, message }) =>
      this.hub.publish({ organization_id, conversation_id: message.conversation_id, event: 'message:updated', data: message }),
    );
    this.events.on('contact.typing', ({ organization_id, conversation_id, ...typing }) =>
      this.hub.publish({ organization_id, conversation_id, event: 'typing', data: { conversation_id, actor: 'contact', ...typing } }),
    );
    this.events.on('conversation.unread', ({ organization_id, conversation_id, unread_count }) =>
      this.hub.publish({ organization_id, conversation_id, event: 'conversation:unread_update', data: { conversation_id, unread_count } }),
    );
    this.events.on('conversation.window_expiring', ({ organization_id, ...data }) =>
      this.hub.publish({ organization_id, conversation_id: data.conversation_id, event: 'conversation:window_expiring', data }),
    );
    this.events.on('conversation.rated', ({ organization_id, user_id: _, ...data }) =>
      this.hub.publish({ organization_id, conversation_id: data.conversation_id, event: 'conversation:rated', data }),
    );
    this.events.on('conversation.created', (e) =>
      this.tell(e.organization_id, e.conversation_id, (data) => ({ event: 'conversation:new', data })),
    );
    for (const name of ['conversation.updated', 'conversation.archived', 'conversation.queued', 'conversation.department_entered'] as const)
      this.events.on(name, (e) => this.tell(e.organization_id, e.conversation_id, (data) => ({ event: 'conversation:updated', data })));
    for (const name of ['conversation.resolved', 'conversation.closed', 'conversation.reopened', 'conversation.status'] as const)
      this.events.on(name, (e) => this.tell(e.organization_id, e.conversation_id, (data) => ({ event: 'conversation:status', data })));
    this.events.on('conversation.assigned', ({ organization_id, conversation_id, agent_id, previous_agent_id, user_id }) =>
      this.tell(organization_id, conversation_id, (conversation) =>
        agent_id
          ? {
              event: 'conversation:assigned',
              data: {
                conversation_id,
                agent: conversation.current_agent && { id: conversation.current_agent.id, full_name: conversation.current_agent.full_name },
                previous_agent_id,
                department_id: conversation.department_id,
                queue_id: conversation.queue_id,
                assigned_by: user_id,
                assigned_at: conversation.assigned_at,
                conversation,
              },
            }
          : {
              event: 'conversation:unassigned',
              data: { conversation_id, previous_agent_id, queue_id: conversation.queue_id, reason: 'manual' },
            },
      ),
    );
    this.events.on('conversation.transferred', ({ organization_id, conversation_id, transfer }) =>
      this.tell(organization_id, conversation_id, (conversation) => ({
        event: 'conversation:transferred',
        data: { conversation_id, transfer, conversation },
      })),
    );
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  private message({ organization_id, message, contact, conversation }: MessageHappened): void {
    const { id, status, unread_count, current_agent_id, last_message_at, window_expires_at } = conversation;
    this.hub.publish({
      organization_id,
      conversation_id: message.conversation_id,
      event: 'message:new',
      data: {
        ...message,
        contact: {
          id: contact.id,
          name: displayName(contact),
          phone_number: contact.whatsapp_id,
        },
        conversation: { id, status, unread_count, current_agent_id, last_message_at, window_expires_at },
      },
    });
  }

  /** Tells of a conversation as it is now; many at once cost one query an organization. */
  private tell(organization_id: string, conversation_id: string, tell: Tell): void {
    const ofOrganization = this.waiting.get(organization_id) ?? new Map<string, Tell[]>();
    this.waiting.set(organization_id, ofOrganization);
    ofOrganization.set(conversation_id, [...(ofOrganization.get(conversation_id) ?? []), tell]);
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  private async flush(): Promise<void> {
    this.timer = undefined;
    const waiting = this.waiting;
    this.waiting = new Map();
    for (const [organization_id, tells] of waiting) {
      if (!this.hub.mayBeHeard(organization_id)) continue;
      try {
        for (const conversation of await this.conversations.views(Actor.system(organization_id), [...tells.keys()]))
          for (const tell of tells.get(conversation.id) ?? [])
            this.hub.publish({ organization_id, conversation_id: conversation.id, ...tell(conversation) });
      } catch (error) {
        this.logger.warn({ msg: 'conversation events not told', err: error });
      }
    }
  }
}
