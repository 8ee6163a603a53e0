import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, NotFound } from '#common/errors';
import type { Page, PageQuery } from '#common/page.dto';
import { Database, type Tx } from '#database/database';
import type { ConversationView } from '#modules/conversations/conversation.dto';
import { ConversationsService } from '#modules/conversations/conversations.service';
import { isActive } from '#modules/conversations/state/active';
import { lockThread } from '#modules/conversations/state/locking';
import { assign } from '#modules/conversations/state/moves';
import { RouteQueues } from '../routing/route-queues';
import { OfferStatus, QueueOffer } from './queue-offer.entity';

/** Conversations that are held out to an agent, who accepts or declines in time. */
@Injectable()
export class OffersService {
  constructor(
    private readonly database: Database,
    private readonly conversations: ConversationsService,
    private readonly routing: RouteQueues,
  ) {}

  /** One's own that still stand. */
  page(actor: Actor, query: PageQuery): Promise<Page<QueueOffer>> {
    return this.database.repository(QueueOffer).page(actor, query, {
      sort: ['created_at', 'expires_at'],
      default_sort: 'created_at:asc',
      refine: (rows) =>
        rows.andWhere(`row.agent_id = :agent_id AND row.status = :offered AND row.expires_at > now()`, {
          agent_id: actor.user_id,
          offered: OfferStatus.offered,
        }),
    });
  }

  /** @throws {404} Not one's own. @throws {409} offer_over: it stands no more. */
  async accept(actor: Actor, id: string): Promise<ConversationView> {
    const offer = await this.own(actor, id);
    await this.database.tx(async (tx) => {
      const { conversation } = await lockThread(tx, actor, offer.conversation_id);
      const offers = this.database.repository(QueueOffer, tx);
      const { status, expires_at } = await offers.lock(actor, id);
      const { queue_id, current_agent_id } = conversation;
      const waits = isActive(conversation) && !current_agent_id && queue_id === offer.queue_id;
      const stands = status === OfferStatus.offered && expires_at > new Date() && waits;
      if (!stands) throw over();
      await offers.patch(actor, id, { status: OfferStatus.accepted });
      await assign(tx, actor, conversation, offer.agent_id);
      tell(tx, offer, OfferStatus.accepted);
      tx.audit(actor, 'queue_offer.accepted', {
        resource: { id },
        before: { status, current_agent_id },
        after: { status: OfferStatus.accepted, current_agent_id: offer.agent_id },
        metadata: { conversation_id: conversation.id },
      });
    });
    return this.conversations.get(actor, offer.conversation_id);
  }

  /** The next agent is asked at once. @throws {404} Not one's own. @throws {409} offer_over: it stands no more. */
  async decline(actor: Actor, id: string): Promise<QueueOffer> {
    const offer = await this.own(actor, id);
    return this.database.tx(async (tx) => {
      const offers = this.database.repository(QueueOffer, tx);
      const { status } = await offers.lock(actor, id);
      if (status !== OfferStatus.offered) throw over();
      const declined = await offers.patch(actor, id, { status: OfferStatus.declined });
      tell(tx, offer, OfferStatus.declined);
      tx.audit(actor, 'queue_offer.declined', {
        resource: { id },
        before: { status },
        after: { status: OfferStatus.declined },
        metadata: { conversation_id: offer.conversation_id },
      });
      tx.afterCommit(() => this.routing.wake(actor.organization_id));
      return declined;
    });
  }

  private async own(actor: Actor, id: string): Promise<QueueOffer> {
    const offer = await this.database.repository(QueueOffer).get(actor, id);
    if (offer.agent_id !== actor.user_id) throw new NotFound('Offer');
    return offer;
  }
}

const over = (): Conflict => new Conflict('offer_over', 'The offer stands no more: its time is over, or somebody has the conversation.');

const tell = (tx: Tx, { organization_id, id: offer_id, conversation_id, queue_id, agent_id }: QueueOffer, status: OfferStatus): void =>
  tx.tell('queue.offer_ended', { organization_id, offer_id, conversation_id, queue_id, agent_id, status });
