import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import { Facts, type ReadFact } from '#events/facts';
import { Channel, declareNotice } from '#modules/notifications/notice-types';
import { Notices } from '#modules/notifications/notices';
import { type Member, membersOf } from '#modules/users/members';

const BY_ALL = [Channel.in_app, Channel.websocket, Channel.email];

const ASSIGNED = declareNotice('conversation_assigned', { text: 'A conversation is yours now.', channels: BY_ALL });

const TRANSFERRED = declareNotice('conversation_transferred', {
  text: 'A conversation that was somebody else’s is yours now.',
  channels: BY_ALL,
});

const MENTIONED = declareNotice('mention', { text: 'A note of the team names you.', channels: BY_ALL });

const CLOSED = declareNotice('conversation_closed', {
  text: 'Somebody else ended a conversation of yours.',
  channels: [Channel.in_app, Channel.websocket],
});

/** A conversation as its notices call it. */
interface Named {
  id: string;
  contact_id: string;
  current_agent_id: string | null;
  contact: string;
}

const NAMED = `SELECT c.id, c.contact_id, c.current_agent_id, coalesce(p.name, p.whatsapp_name, '@' || p.username, p.whatsapp_id, '?') AS contact
   FROM conversations c JOIN contacts p ON p.organization_id = c.organization_id AND p.id = c.contact_id
  WHERE c.organization_id = $1 AND c.id = ANY($2)`;

/** Tells agents what others do with their conversations. */
@Injectable()
export class InboxNotices {
  constructor(
    private readonly notices: Notices,
    facts: Facts,
  ) {
    facts.reader({
      name: 'inbox-notices',
      events: ['conversation.assigned', 'conversation.note_added', 'conversation.resolved', 'conversation.closed'],
      read: (tx, told) => this.read(tx, told),
    });
  }

  private async read(tx: Tx, facts: readonly ReadFact[]): Promise<void> {
    const { organization_id } = facts[0];
    const ids = facts.map(({ data }) => data.conversation_id);
    const conversations = new Map((await tx.rows<Named>(NAMED, [organization_id, ids])).map((row) => [row.id, row]));
    const doers = await this.doersOf(tx, organization_id, facts);
    for (const fact of facts) {
      const conversation = conversations.get(String(fact.data.conversation_id));
      if (!conversation) continue;
      const who = doers.get(String(fact.data.user_id));
      if (fact.name === 'conversation.assigned') await this.assigned(tx, fact, conversation, who);
      else if (fact.name === 'conversation.note_added') await this.mentioned(tx, fact, conversation, who);
      else await this.ended(tx, fact, conversation, who);
    }
  }

  /** Who did it, by id. */
  private async doersOf(tx: Tx, organization_id: string, facts: readonly ReadFact[]): Promise<Map<string, Member>> {
    const ids = facts.flatMap(({ data: { user_id } }) => (typeof user_id === 'string' ? [user_id] : []));
    return membersOf(tx, organization_id, ids);
  }

  private async assigned(
    tx: Tx,
    { organization_id, data }: ReadFact,
    { id, contact_id, contact }: Named,
    who: Member | undefined,
  ): Promise<void> {
    const { agent_id, previous_agent_id, is_transfer, user_id } = data;
    if (typeof agent_id !== 'string' || agent_id === user_id) return;
    const is_passed_on = !!previous_agent_id || !!is_transfer;
    await this.notices.tell(tx, {
      organization_id,
      user_ids: [agent_id],
      type: is_passed_on ? TRANSFERRED : ASSIGNED,
      title: is_passed_on
        ? { 'pt-BR': `Conversa transferida para você: ${contact}`, en: `Conversation transferred to you: ${contact}` }
        : { 'pt-BR': `Nova conversa para você: ${contact}`, en: `New conversation for you: ${contact}` },
      message: {
        'pt-BR': `A conversa com ${contact} agora é sua${who ? `, por ${who.full_name}` : ''}.`,
        en: `The conversation with ${contact} is yours now${who ? `, by ${who.full_name}` : ''}.`,
      },
      data: { conversation_id: id, contact_id },
      by_user_id: who?.id,
    });
  }

  /** What the note says is read in the thread. */
  private async mentioned(
    tx: Tx,
    { organization_id, data: { mentions, message_id, user_id } }: ReadFact,
    { id, contact_id, contact }: Named,
    who: Member | undefined,
  ): Promise<void> {
    const user_ids = (mentions as string[]).filter((mentioned) => mentioned !== user_id);
    if (!user_ids.length) return;
    await this.notices.tell(tx, {
      organization_id,
      user_ids,
      type: MENTIONED,
      title: { 'pt-BR': `Você foi mencionado: ${contact}`, en: `You were mentioned: ${contact}` },
      message: {
        'pt-BR': `${who?.full_name ?? '?'} mencionou você em uma nota da conversa com ${contact}.`,
        en: `${who?.full_name ?? '?'} mentioned you in a note on the conversation with ${contact}.`,
      },
      data: { conversation_id: id, contact_id, message_id },
      by_user_id: who?.id,
    });
  }

  private async ended(
    tx: Tx,
    { organization_id, data }: ReadFact,
    { id, contact_id, contact, current_agent_id }: Named,
    who: Member | undefined,
  ): Promise<void> {
    // What was resolved is over for its agent; who closes it then tidies up. And what the system ends is nobody's doing.
    if (!current_agent_id || !who || data.user_id === current_agent_id || data.previous_status === 'resolved') return;
    await this.notices.tell(tx, {
      organization_id,
      user_ids: [current_agent_id],
      type: CLOSED,
      title: { 'pt-BR': `Conversa encerrada: ${contact}`, en: `Conversation ended: ${contact}` },
      message: {
        'pt-BR': `${who.full_name} encerrou a sua conversa com ${contact}.`,
        en: `${who.full_name} ended your conversation with ${contact}.`,
      },
      data: { conversation_id: id, contact_id },
      by_user_id: who?.id,
    });
  }
}
