import { type Tx } from '#database/database';
import { prepared } from '#database/sql';
import { OfferStatus } from './queue-offer.entity';

const END = prepared(`UPDATE queue_offers SET status = CASE WHEN agent_id = $3 THEN 'accepted' ELSE 'expired' END, updated_at = now()
  WHERE organization_id = $1 AND conversation_id = $2 AND status = 'offered' RETURNING id, queue_id, agent_id, status`);

/** The offer of a conversation that an agent takes, if there is one: theirs is accepted by it, another's is over. */
export async function endOffer(tx: Tx, organization_id: string, conversation_id: string, agent_id: string): Promise<void> {
  const ended = await tx.rows<{ id: string; queue_id: string; agent_id: string; status: OfferStatus }>(END, [
    organization_id,
    conversation_id,
    agent_id,
  ]);
  for (const { id: offer_id, ...offer } of ended) tx.tell('queue.offer_ended', { organization_id, offer_id, conversation_id, ...offer });
}
