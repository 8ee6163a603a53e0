import { Injectable } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { AppError } from '#common/errors';
import { Facts, type ReadFact } from '#events/facts';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { MessageType, SenderType } from '#modules/conversations/messages/message.entity';
import { SendMessage } from '#modules/conversations/messages/send-message';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import { obstaclesOf } from './routing/choose-agent';
import { availableAgents } from './routing/routed-agents';
import { routedDepartments } from './routing/routed-department';
import { type RoutedQueue, routedQueues } from './routing/routed-queue';

const SLA_WARNING = declareNotice('sla_warning', {
  text: "A conversation has waited for 80 % of what its queue's SLA allows; to the available agents of the queue.",
  channels: [Channel.in_app, Channel.websocket],
});
const SLA_BREACHED = declareNotice('sla_breached', {
  text: "A conversation has waited for longer than its queue's SLA allows; to administrators.",
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});
const QUEUE_OVERFLOW = declareNotice('queue_overflow', {
  text: 'A queue is full, and there is none with room to send on to; to administrators, once in 15 minutes.',
  channels: [Channel.in_app, Channel.websocket, Channel.email],
});

/** One who tells: administrators hear of a full queue once in so long. */
const TELL_OVERFLOW = prepared(`UPDATE queues SET overflow_told_at = now()
  WHERE organization_id = $1 AND id = $2 AND (overflow_told_at IS NULL OR overflow_told_at < now() - interval '15 minutes') RETURNING name`);

const GREETINGS = prepared(`SELECT c.id, u.agent_greeting_message AS text FROM conversations c
   JOIN users u ON u.organization_id = c.organization_id AND u.id = c.current_agent_id
  WHERE c.organization_id = $1 AND c.id = $2 AND u.id = $3 AND u.agent_greeting_message IS NOT NULL`);

const STANDS = prepared(`SELECT coalesce(c.queue_id, c.department_id) AS queue_id,
    EXISTS (SELECT FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.sender_type = 'system' AND m.client_reference = $3) AS is_said
   FROM conversations c WHERE c.organization_id = $1 AND c.id = $2`);

/** What the agents, the administrators and the customers are told of queues; surely, and each once. */
@Injectable()
export class QueueNotices {
  constructor(
    private readonly notices: Notices,
    private readonly sending: SendMessage,
    facts: Facts,
  ) {
    facts.reader({
      name: 'queue-notices',
      events: [
        'conversation.queued',
        'conversation.department_entered',
        'conversation.assigned',
        'sla.warning',
        'sla.breached',
        'queue.overflowed',
      ],
      read: async (tx, read) => {
        for (const fact of read) await this.read(tx, fact);
      },
    });
  }

  private async read(tx: Tx, fact: ReadFact): Promise<void> {
    const { name, organization_id, data } = fact;
    const conversation_id = String(data['conversation_id']);
    if (name === 'conversation.assigned') {
      if (data['agent_id']) await this.greet(tx, organization_id, conversation_id, String(data['agent_id']));
      return;
    }
    if (name === 'conversation.department_entered') {
      const department_id = String(data['department_id']);
      const department = (await routedDepartments(tx, organization_id, [department_id])).get(department_id);
      if (department) await this.welcome(tx, organization_id, conversation_id, department, fact.told_at);
      return;
    }
    const queue_id = String(data['queue_id']);
    const queue = (await routedQueues(tx, organization_id, [queue_id])).get(queue_id);
    if (!queue) return;
    if (name === 'conversation.queued') await this.welcome(tx, organization_id, conversation_id, queue, fact.told_at);
    if (name === 'sla.warning' || name === 'sla.breached') await this.tellOfSla(tx, fact, queue);
    if (name === 'queue.overflowed') await this.tellOfOverflow(tx, organization_id, queue, Number(data['waiting']));
  }

  /** Whoever waits hears once whether somebody is there; by the text of the moment they began to. */
  private async welcome(tx: Tx, organization_id: string, conversation_id: string, queue: RoutedQueue, at: Date): Promise<void> {
    const is_open = queue.calendar.isOpen(at);
    const text = is_open ? queue.settings.welcome_message : queue.offline_message;
    if (!text) return;
    const reference = is_open ? 'queue-welcome' : 'queue-offline';
    const [stands] = await tx.rows<{ queue_id: string | null; is_said: boolean } | undefined>(STANDS, [
      organization_id,
      conversation_id,
      reference,
    ]);
    // It went on elsewhere: the other queue speaks.
    if (!stands || stands.is_said || stands.queue_id !== queue.id) return;
    await this.say(tx, organization_id, conversation_id, text, reference);
  }

  private async greet(tx: Tx, organization_id: string, conversation_id: string, agent_id: string): Promise<void> {
    const [greeting] = await tx.rows<{ text: string } | undefined>(GREETINGS, [organization_id, conversation_id, agent_id]);
    if (greeting) await this.say(tx, organization_id, conversation_id, greeting.text, 'agent-greeting');
  }

  /** Only while the customer's window is open; where it may not be sent nothing is. */
  private async say(tx: Tx, organization_id: string, conversation_id: string, text: string, client_reference: string): Promise<void> {
    const actor = Actor.system(organization_id);
    try {
      await this.sending.toConversation(
        actor,
        { type: SenderType.system },
        conversation_id,
        { message_type: MessageType.text, content: text, payload: { text } },
        { client_reference },
        tx,
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
    }
  }

  private async tellOfSla(tx: Tx, { name, organization_id, data }: ReadFact, queue: RoutedQueue): Promise<void> {
    const { conversation_id, queue_id, sla_minutes, waited_minutes } = data;
    const told = { organization_id, data: { conversation_id, queue_id }, priority: 'high' } as const;
    const minutes = Math.floor(Number(waited_minutes));
    if (name === 'sla.breached') {
      await this.notices.tell(tx, {
        ...told,
        role: Role.org_admin,
        type: SLA_BREACHED,
        title: { 'pt-BR': `SLA estourado em ${queue.name}`, en: `SLA breached in ${queue.name}` },
        message: {
          'pt-BR': `Uma conversa espera há ${minutes} min; o SLA é de ${sla_minutes} min.`,
          en: `A conversation has waited for ${minutes} min; the SLA is ${sla_minutes} min.`,
        },
      });
      return;
    }
    const agents = (await availableAgents(tx, organization_id)).filter(
      (agent) => !obstaclesOf(queue.rule, agent).some((why) => why !== 'at_capacity'),
    );
    await this.notices.tell(tx, {
      ...told,
      user_ids: agents.map(({ id }) => id),
      type: SLA_WARNING,
      title: { 'pt-BR': `SLA perto do fim em ${queue.name}`, en: `SLA nearly over in ${queue.name}` },
      message: {
        'pt-BR': `Uma conversa espera há ${minutes || 'menos de 1'} min; o SLA é de ${sla_minutes} min.`,
        en: `A conversation has waited for ${minutes || 'less than 1'} min; the SLA is ${sla_minutes} min.`,
      },
    });
  }

  private async tellOfOverflow(tx: Tx, organization_id: string, { id: queue_id }: RoutedQueue, waiting: number): Promise<void> {
    const [queue] = await tx.rows<{ name: string } | undefined>(TELL_OVERFLOW, [organization_id, queue_id]);
    if (!queue) return;
    await this.notices.tell(tx, {
      organization_id,
      role: Role.org_admin,
      type: QUEUE_OVERFLOW,
      data: { queue_id },
      priority: 'high',
      title: { 'pt-BR': `Fila ${queue.name} cheia`, en: `Queue ${queue.name} is full` },
      message: {
        'pt-BR': `${waiting} conversas esperam e não há outra fila com lugar.`,
        en: `${waiting} conversations wait, and no other queue has room.`,
      },
    });
  }
}
