import { CAPABILITIES } from '#modules/whatsapp/provider';
import type { InboundMessage } from '#modules/whatsapp/parsed-change';
import { ANSWER_MAX, chosenOf } from '#modules/whatsapp/text-menu';
import type { JsonObject } from '#common/json.scalar';
import { prepared } from '#database/sql';
import type { FiledContact } from '#modules/contacts/resolve-people';
import type { Batch, Item } from './batch';

/** What an answer as text chose. */
export type Answered = Pick<InboundMessage, 'message_type' | 'content' | 'payload'> & { reply_to_provider_id: string | null };

interface Menu {
  n: number;
  whatsapp_message_id: string | null;
  payload: JsonObject;
  is_native: boolean;
}

// Contract 20, 8.1: the last menu of the thread within 24 hours, or the one that is quoted. What a person wrote after it ends it: the next "2" may answer
// that. A phone's clock has whole seconds, so a menu may seem to come after its answer; what ends it came before for certain.
const MENUS =
  prepared(`SELECT a.n, m.whatsapp_message_id, m.payload, coalesce((w.settings->>'native_interactive')::boolean, false) AS is_native
   FROM json_to_recordset($1) AS a(n int, organization_id uuid, contact_id uuid, whatsapp_number_id uuid, at timestamptz, quoted text)
   JOIN whatsapp_numbers w ON w.organization_id = a.organization_id AND w.id = a.whatsapp_number_id
  CROSS JOIN LATERAL (
    SELECT o.whatsapp_message_id, o.payload, o.message_type
      FROM conversations c JOIN messages o ON o.organization_id = c.organization_id AND o.conversation_id = c.id
     WHERE c.organization_id = a.organization_id AND c.contact_id = a.contact_id AND c.whatsapp_number_id = a.whatsapp_number_id
       AND o.direction = 'outgoing' AND o.created_at > a.at - interval '24 hours' AND o.created_at < a.at + interval '2 seconds'
       AND (o.message_type = 'interactive' AND (a.quoted IS NULL OR o.whatsapp_message_id = a.quoted)
         OR a.quoted IS NULL AND o.sender_type IN ('agent', 'device') AND o.message_type <> 'reaction' AND o.status <> 'failed' AND o.created_at < a.at)
     ORDER BY o.created_at DESC, o.id DESC LIMIT 1) m
  WHERE m.message_type = 'interactive'`);

/** What the texts among these chose of the menus they answer, by their place; a provider whose menus are menus has none. */
export async function menuAnswers(
  batch: Batch,
  items: readonly Item<InboundMessage>[],
  contacts: readonly FiledContact[],
): Promise<ReadonlyMap<number, Answered>> {
  const asked = items.flatMap(({ number, change }, n) => {
    if (!CAPABILITIES[number.connection_type].has_text_menus || change.message_type !== 'text') return [];
    if (!change.content || change.content.length > ANSWER_MAX) return [];
    const { organization_id, id: whatsapp_number_id } = number;
    const { timestamp: at, reply_to_provider_id: quoted } = change;
    return [{ n, organization_id, contact_id: contacts[n].id, whatsapp_number_id, at, quoted }];
  });
  const answered = new Map<number, Answered>();
  if (!asked.length) return answered;
  for (const { n, whatsapp_message_id, payload, is_native } of await batch.rows<Menu>(MENUS, [JSON.stringify(asked)])) {
    const { content, reply_to_provider_id } = items[n].change;
    const chosen = chosenOf(payload, content ?? '', !is_native);
    if (!chosen) continue;
    answered.set(n, {
      message_type: 'interactive',
      content: chosen.title as string,
      payload: chosen,
      reply_to_provider_id: reply_to_provider_id ?? whatsapp_message_id,
    });
  }
  return answered;
}
