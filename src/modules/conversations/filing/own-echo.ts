import type { InboundMessage } from '#modules/whatsapp/parsed-change';
import { prepared } from '#database/sql';
import { findPerson } from '#modules/contacts/resolve-people';
import { PROVIDER_TIMEOUT } from '../messages/message-progress';
import type { Message } from '../messages/message.entity';
import type { Batch, Item } from './batch';

/** So long a provider repeats what we did not take. */
const OWN_HOURS = 2;

// On its way out, or given up as unknown: what was not sent yet has no claim.
const UNNAMED = prepared(`SELECT m.id, m.message_type, m.content, m.payload FROM conversations c
   JOIN messages m ON m.organization_id = c.organization_id AND m.conversation_id = c.id
  WHERE c.organization_id = $1 AND c.contact_id = $2 AND c.whatsapp_number_id = $3 AND m.created_at > now() - interval '${OWN_HOURS} hours'
    AND m.direction = 'outgoing' AND m.whatsapp_message_id IS NULL AND m.whatsapp_number_id = $3
    AND (m.status = 'failed' AND m.error_code = '${PROVIDER_TIMEOUT}' OR m.status = 'pending' AND EXISTS (
      SELECT FROM outbound_sends o WHERE o.organization_id = m.organization_id AND o.message_id = m.id AND o.claimed_at IS NOT NULL))
  ORDER BY m.created_at, m.id`);

/**
 * Our own message that a provider shows as sent before its answer to our call is written down, or when that answer was lost: the oldest such one that
 * says the same. null: it was typed elsewhere.
 */
export async function ownMessage(batch: Batch, { number }: Item, shown: InboundMessage): Promise<string | null> {
  const { organization_id, id, waba_id } = number;
  const contact_id = await findPerson(batch, { organization_id, portfolio_id: waba_id ?? '', ids: shown.ids, seen_at: shown.timestamp });
  if (!contact_id) return null;
  const unnamed = await batch.rows<Pick<Message, 'id' | 'message_type' | 'content' | 'payload'>>(UNNAMED, [
    organization_id,
    contact_id,
    id,
  ]);
  const provider = batch.providers.of(number);
  return unnamed.find((message) => provider.isEcho(shown, message))?.id ?? null;
}
