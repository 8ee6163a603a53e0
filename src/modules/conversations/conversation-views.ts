import type { Actor } from '#common/actor';
import type { Database, Tx } from '#database/database';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { tagNames } from '#modules/tags/tags';
import { type ConversationView, type Joined, presentConversation } from './conversation.dto';
import { Conversation } from './conversation.entity';
import { Message } from './messages/message.entity';

const MESSAGE = 'message_';

/** Conversations with all they show, in the order asked; one query, whatever their number. Who is gone is shown too. */
export async function conversationViews(database: Database | Tx, actor: Actor, ids: readonly string[]): Promise<ConversationView[]> {
  if (!ids.length) return [];
  const conversations = new TenantRepository(database, Conversation);
  const messages = new TenantRepository(database, Message);
  const rows = await database.rows<Joined & Record<string, unknown>>(
    prepared(`SELECT ${conversations.columnsOf('c')}, ${messages.columnsOf('m', MESSAGE)},
            k.name AS contact_name, k.whatsapp_name AS contact_whatsapp_name, k.username AS contact_username, k.whatsapp_id AS contact_whatsapp_id,
            k.email AS contact_email, k.avatar_url AS contact_avatar_url, k.is_vip AS contact_is_vip, k.is_blocked AS contact_is_blocked,
            ${tagNames('$1', 'c.contact_id')} AS contact_tags,
            k.id IS NULL OR k.deleted_at IS NOT NULL AS contact_is_deleted,
            n.display_name AS number_display_name, n.phone_number AS number_phone_number, n.connection_type AS number_connection_type,
            a.full_name AS agent_full_name, a.email AS agent_email
       FROM unnest($2::uuid[]) WITH ORDINALITY asked(id, place)
       JOIN conversations c ON c.organization_id = $1 AND c.id = asked.id
       LEFT JOIN contacts k ON k.organization_id = $1 AND k.id = c.contact_id
       LEFT JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = c.whatsapp_number_id
       LEFT JOIN users a ON a.organization_id = $1 AND a.id = c.current_agent_id
       LEFT JOIN messages m ON m.organization_id = $1 AND m.id = c.last_message_id
      ORDER BY asked.place`),
    [actor.organization_id, ids],
  );
  return rows.map((row) =>
    presentConversation(conversations.hydrate(row), row, row.message_id === null ? null : messages.hydrate(row, MESSAGE)),
  );
}
