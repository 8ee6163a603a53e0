import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Bounded } from '#common/bounded';
import { EventBus } from '#common/events';
import { Database } from '#database/database';
import { displayName } from '#modules/contacts/present-contact';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import { membersOf } from '#modules/users/members';
import type { MessageHappened } from '../conversations.events';

const NEW_MESSAGE = declareNotice('new_message', {
  text: 'A customer wrote to you while you were offline.',
  channels: [Channel.in_app, Channel.websocket],
});

/** Messages that came together are looked at together. */
const GATHER_MS = 200;
const WAITING_MAX = 1000;
/** As long as the same notice would be merged into the first one. */
const AGAIN_MS = 60_000;

interface Missed {
  organization_id: string;
  conversation_id: string;
  agent_id: string;
  contact: MessageHappened['contact'];
}

/**
 * Tells agents who are away of messages in their conversations. In memory: the message itself is kept and counted as unread whatever becomes of the
 * notice, and a durable reader would cost the receipt a row for each message.
 */
@Injectable()
export class MissedMessages implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(MissedMessages.name);
  /** When a conversation's agent was last looked at. */
  private readonly seen = new Bounded<string, number>({ count: 10_000 });
  private waiting: Missed[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly events: EventBus,
    private readonly database: Database,
    private readonly notices: Notices,
  ) {}

  onModuleInit(): void {
    this.events.on('message.received', (happened) => this.note(happened));
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  private note({ organization_id, contact, conversation: { id, current_agent_id } }: MessageHappened): void {
    if (!current_agent_id || this.waiting.length >= WAITING_MAX) return;
    const key = `${id} ${current_agent_id}`;
    if ((this.seen.get(key) ?? 0) > Date.now() - AGAIN_MS) return;
    this.seen.delete(key);
    this.seen.set(key, Date.now());
    this.waiting.push({ organization_id, conversation_id: id, agent_id: current_agent_id, contact });
    this.timer ??= setTimeout(() => void this.flush(), GATHER_MS);
  }

  private async flush(): Promise<void> {
    const waiting = this.waiting;
    this.waiting = [];
    for (const [organization_id, missed] of Map.groupBy(waiting, ({ organization_id: of }) => of)) {
      try {
        await this.tell(organization_id, missed);
      } catch (error) {
        this.logger.warn({ msg: 'agents were not told of messages', err: error });
      }
    }
    // One look at a time.
    this.timer = this.waiting.length ? setTimeout(() => void this.flush(), GATHER_MS) : undefined;
  }

  private async tell(organization_id: string, missed: readonly Missed[]): Promise<void> {
    const agent_ids = missed.map(({ agent_id }) => agent_id);
    const agents = await membersOf(this.database, organization_id, agent_ids);
    for (const { agent_id, conversation_id, contact } of missed)
      // Who is here is looked at again with the next message.
      if (agents.get(agent_id)?.is_online !== false) this.seen.delete(`${conversation_id} ${agent_id}`);
      else this.tellOne({ organization_id, agent_id, conversation_id, contact });
  }

  private tellOne({ organization_id, agent_id, conversation_id, contact }: Missed): void {
    const name = displayName(contact) ?? '?';
    this.notices.tellSoon({
      organization_id,
      user_ids: [agent_id],
      type: NEW_MESSAGE,
      title: { 'pt-BR': `Nova mensagem de ${name}`, en: `New message from ${name}` },
      message: { 'pt-BR': `${name} escreveu enquanto você estava offline.`, en: `${name} wrote while you were offline.` },
      data: { conversation_id, contact_id: contact.id },
    });
  }
}
