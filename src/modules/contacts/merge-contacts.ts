import type { Sql } from '#database/sql';
import { IdentityKind } from './contact-identity.entity';

/**
 * Makes one contact of two, within the caller's transaction: conversations, messages, files and identities of `gone` become those of `keep`,
 * whose empty fields are filled from it. At most one live conversation per number remains: the newer one's messages move into the older, and
 * the emptied one stays, closed with reason `merged` and archived, so that links to it still open. False: one of them is not there (any more).
 *
 * It writes tables of the rooms above, in SQL of its own: a person becomes one in one commit, also on the receipt's connection.
 */
export async function mergeContacts(sql: Sql, organization_id: string, keep: string, gone: string): Promise<boolean> {
  const ids = [organization_id, keep, gone];
  // Both rows, in one order everywhere.
  const live = await sql.rows<{ id: string }>(
    'SELECT id FROM contacts WHERE organization_id = $1 AND id IN ($2, $3) AND deleted_at IS NULL ORDER BY id FOR UPDATE',
    ids,
  );
  if (live.length < 2) return false;

  // Ids are UUIDv7: the lesser is the older.
  await sql.rows(
    `SELECT id FROM conversations WHERE organization_id = $1 AND contact_id IN ($2, $3) AND status IN ('open', 'pending') ORDER BY id FOR UPDATE`,
    ids,
  );
  const twins = await sql.rows<{ older: string; newer: string }>(
    `SELECT least(a.id, b.id) AS older, greatest(a.id, b.id) AS newer
       FROM conversations a JOIN conversations b
         ON b.organization_id = a.organization_id AND b.whatsapp_number_id = a.whatsapp_number_id AND b.contact_id = $3 AND b.status IN ('open', 'pending')
      WHERE a.organization_id = $1 AND a.contact_id = $2 AND a.status IN ('open', 'pending')`,
    ids,
  );
  for (const { older, newer } of twins) await mergeConversations(sql, organization_id, older, newer);

  // By their conversations: messages have no index by contact, and need none for this.
  await sql.rows(
    `UPDATE messages SET contact_id = $2
      WHERE organization_id = $1 AND contact_id = $3
        AND conversation_id IN (SELECT id FROM conversations WHERE organization_id = $1 AND contact_id IN ($2, $3))`,
    ids,
  );
  await sql.rows('UPDATE conversations SET contact_id = $2, updated_at = now() WHERE organization_id = $1 AND contact_id = $3', ids);
  await fillContact(sql, ids, twins.length);
  await moveIdentities(sql, ids);
  // A block of either is of the person; what the other had open ends with it.
  await sql.rows(
    `UPDATE conversations SET status = 'closed', closed_at = now(), close_reason = 'contact_blocked', is_bot_active = false, updated_at = now()
      WHERE organization_id = $1 AND contact_id = $2 AND status IN ('open', 'pending')
        AND (SELECT is_blocked FROM contacts WHERE organization_id = $1 AND id = $2)`,
    ids.slice(0, 2),
  );
  return true;
}

async function mergeConversations(sql: Sql, organization_id: string, older: string, newer: string): Promise<void> {
  const ids = [organization_id, older, newer];
  await sql.rows('UPDATE messages SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.rows('UPDATE outbound_sends SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.rows(
    `UPDATE conversations o
        SET status = CASE WHEN 'open' IN (o.status, n.status) THEN 'open' ELSE o.status END, is_archived = o.is_archived AND n.is_archived,
            archived_at = CASE WHEN o.is_archived AND n.is_archived THEN o.archived_at END,
            queue_priority = greatest(o.queue_priority, n.queue_priority), current_agent_id = coalesce(o.current_agent_id, n.current_agent_id),
            assigned_at = coalesce(o.assigned_at, n.assigned_at), department_id = coalesce(o.department_id, n.department_id),
            queue_id = coalesce(o.queue_id, n.queue_id), queued_at = least(o.queued_at, n.queued_at),
            first_message_at = least(o.first_message_at, n.first_message_at), last_message_at = greatest(o.last_message_at, n.last_message_at),
            last_incoming_at = greatest(o.last_incoming_at, n.last_incoming_at), last_outgoing_at = greatest(o.last_outgoing_at, n.last_outgoing_at),
            first_response_at = least(o.first_response_at, n.first_response_at),
            first_response_time_seconds = coalesce(o.first_response_time_seconds, n.first_response_time_seconds),
            window_expires_at = greatest(o.window_expires_at, n.window_expires_at), unread_count = o.unread_count + n.unread_count,
            is_human_requested = o.is_human_requested OR n.is_human_requested, handoff_at = greatest(o.handoff_at, n.handoff_at),
            -- A human took over one of them: the bot is silent in both.
            is_bot_active = (o.is_bot_active OR n.is_bot_active) AND coalesce(o.handoff_at, n.handoff_at) IS NULL,
            total_messages = o.total_messages + n.total_messages, messages_from_contact = o.messages_from_contact + n.messages_from_contact,
            messages_from_agent = o.messages_from_agent + n.messages_from_agent, messages_from_bot = o.messages_from_bot + n.messages_from_bot,
            tags = ARRAY(SELECT DISTINCT tag FROM unnest(o.tags || n.tags) AS tag ORDER BY tag LIMIT 20), extra_data = n.extra_data || o.extra_data,
            last_message_id = (SELECT m.id FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.message_type <> 'note'
                                ORDER BY m.created_at DESC, m.id DESC LIMIT 1),
            updated_at = now()
       FROM conversations n WHERE o.organization_id = $1 AND o.id = $2 AND n.organization_id = $1 AND n.id = $3`,
    ids,
  );
  await sql.rows(
    `UPDATE conversations
        SET status = 'closed', closed_at = now(), close_reason = 'merged', is_archived = true, archived_at = now(), is_bot_active = false,
            unread_count = 0, total_messages = 0, messages_from_contact = 0, messages_from_agent = 0, messages_from_bot = 0, last_message_id = NULL,
            extra_data = extra_data || jsonb_build_object('merged_into_id', $2::uuid), updated_at = now()
      WHERE organization_id = $1 AND id = $3`,
    ids,
  );
}

async function fillContact(sql: Sql, ids: string[], emptied: number): Promise<void> {
  // The number leaves the old row first: two live contacts cannot share it, not even for one statement. Its other fields stay readable.
  await sql.rows('UPDATE contacts SET deleted_at = now(), updated_at = now() WHERE organization_id = $1 AND id = $2', [ids[0], ids[2]]);
  await sql.rows(
    `UPDATE contacts k
        SET whatsapp_id = coalesce(k.whatsapp_id, g.whatsapp_id), match_key = coalesce(k.match_key, g.match_key),
            wa_id = CASE WHEN k.whatsapp_id IS NULL THEN g.wa_id ELSE k.wa_id END,
            alternative_phone = coalesce(k.alternative_phone, CASE WHEN k.whatsapp_id IS NOT NULL THEN g.whatsapp_id END, g.alternative_phone),
            username = coalesce(k.username, g.username), whatsapp_name = coalesce(k.whatsapp_name, g.whatsapp_name), name = coalesce(k.name, g.name),
            email = coalesce(k.email, g.email), avatar_url = coalesce(k.avatar_url, g.avatar_url), company = coalesce(k.company, g.company),
            job_title = coalesce(k.job_title, g.job_title), notes = coalesce(k.notes, g.notes),
            address_street = coalesce(k.address_street, g.address_street), address_city = coalesce(k.address_city, g.address_city),
            address_state = coalesce(k.address_state, g.address_state), address_country = coalesce(k.address_country, g.address_country),
            address_postal_code = coalesce(k.address_postal_code, g.address_postal_code), attributes = g.attributes || k.attributes,
            lifecycle_stage = coalesce(k.lifecycle_stage, g.lifecycle_stage), lead_score = greatest(k.lead_score, g.lead_score),
            -- An opt-out or a block of either is of the person.
            opt_in = k.opt_in AND g.opt_in, opt_in_date = CASE WHEN k.opt_in AND g.opt_in THEN least(k.opt_in_date, g.opt_in_date) END,
            opt_out_date = greatest(k.opt_out_date, g.opt_out_date), is_blocked = k.is_blocked OR g.is_blocked,
            blocked_at = coalesce(k.blocked_at, g.blocked_at), blocked_reason = coalesce(k.blocked_reason, g.blocked_reason), is_vip = k.is_vip OR g.is_vip,
            assigned_agent_id = coalesce(k.assigned_agent_id, g.assigned_agent_id),
            last_message_at = greatest(k.last_message_at, g.last_message_at),
            last_message_received_at = greatest(k.last_message_received_at, g.last_message_received_at),
            last_message_sent_at = greatest(k.last_message_sent_at, g.last_message_sent_at),
            total_messages_sent = k.total_messages_sent + g.total_messages_sent, total_messages_received = k.total_messages_received + g.total_messages_received,
            total_conversations = greatest(k.total_conversations + g.total_conversations - $4::int, 0), updated_at = now()
       FROM contacts g WHERE k.organization_id = $1 AND k.id = $2 AND g.organization_id = $1 AND g.id = $3`,
    [...ids, emptied],
  );
}

/** All names resolve to the one; only its own number is sent to, and the newest active BSUID stands on the contact. */
async function moveIdentities(sql: Sql, ids: string[]): Promise<void> {
  await sql.rows(
    `UPDATE contact_identities i
        SET contact_id = $2, is_active = i.is_active AND (i.kind <> $4 OR i.value IS NOT DISTINCT FROM k.match_key), updated_at = now()
       FROM contacts k
      WHERE i.organization_id = $1 AND i.contact_id IN ($2, $3) AND k.organization_id = $1 AND k.id = $2`,
    [...ids, IdentityKind.phone],
  );
  await sql.rows(
    `UPDATE contacts k
        SET whatsapp_user_id = coalesce((SELECT i.value FROM contact_identities i
                                          WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.kind = $4 AND i.is_active
                                          ORDER BY i.last_seen_at DESC, i.id DESC LIMIT 1), k.whatsapp_user_id, g.whatsapp_user_id)
       FROM contacts g WHERE k.organization_id = $1 AND k.id = $2 AND g.organization_id = $1 AND g.id = $3`,
    [...ids, IdentityKind.bsuid],
  );
}
