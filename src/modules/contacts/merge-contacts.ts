import type { Sql } from '#database/sql';

/**
 * Makes one contact of two, within the caller's transaction: conversations, messages, files and identities of `gone` become those of `keep`,
 * whose empty fields are filled from it. At most one live conversation per number remains: the newer one's messages move into the older,
 * and the emptied one is closed with reason `merged`, so that links to it still open.
 */
export async function mergeContacts(sql: Sql, organization_id: string, keep: string, gone: string): Promise<void> {
  const ids = [organization_id, keep, gone];
  // Both rows, in one order everywhere.
  await sql.query('SELECT id FROM contacts WHERE organization_id = $1 AND id IN ($2, $3) ORDER BY id FOR UPDATE', ids);

  const twins = await sql.query<{ older: string; newer: string }>(
    `SELECT least(a.id, b.id) AS older, greatest(a.id, b.id) AS newer
       FROM conversations a JOIN conversations b
         ON b.organization_id = a.organization_id AND b.whatsapp_number_id = a.whatsapp_number_id AND b.contact_id = $3 AND b.status IN ('open', 'pending')
      WHERE a.organization_id = $1 AND a.contact_id = $2 AND a.status IN ('open', 'pending')`,
    ids,
  );
  for (const { older, newer } of twins) await mergeConversations(sql, organization_id, older, newer);

  await sql.query('UPDATE conversations SET contact_id = $2, updated_at = now() WHERE organization_id = $1 AND contact_id = $3', ids);
  await sql.query('UPDATE messages SET contact_id = $2 WHERE organization_id = $1 AND contact_id = $3', ids);
  await sql.query('UPDATE contact_identities SET contact_id = $2, updated_at = now() WHERE organization_id = $1 AND contact_id = $3', ids);
  // The key leaves the old row first: two live contacts cannot share it, not even for one statement.
  const [other] = await sql.query<{ whatsapp_id: string | null; match_key: string | null; wa_id: string | null }>(
    'SELECT whatsapp_id, match_key, wa_id FROM contacts WHERE organization_id = $1 AND id = $3 AND $2::uuid IS NOT NULL',
    ids,
  );
  await sql.query('UPDATE contacts SET deleted_at = now(), match_key = NULL, updated_at = now() WHERE organization_id = $1 AND id = $3 AND $2::uuid IS NOT NULL', ids);
  await sql.query(
    `UPDATE contacts k
        SET whatsapp_id = coalesce(k.whatsapp_id, $4), match_key = coalesce(k.match_key, $5), wa_id = coalesce(k.wa_id, $6),
            whatsapp_user_id = coalesce(g.whatsapp_user_id, k.whatsapp_user_id), username = coalesce(k.username, g.username),
            whatsapp_name = coalesce(k.whatsapp_name, g.whatsapp_name), name = coalesce(k.name, g.name), email = coalesce(k.email, g.email),
            avatar_url = coalesce(k.avatar_url, g.avatar_url), company = coalesce(k.company, g.company), job_title = coalesce(k.job_title, g.job_title),
            notes = coalesce(k.notes, g.notes), alternative_phone = coalesce(k.alternative_phone, g.alternative_phone),
            address_street = coalesce(k.address_street, g.address_street), address_city = coalesce(k.address_city, g.address_city),
            address_state = coalesce(k.address_state, g.address_state), address_country = coalesce(k.address_country, g.address_country),
            address_postal_code = coalesce(k.address_postal_code, g.address_postal_code), attributes = g.attributes || k.attributes,
            lifecycle_stage = coalesce(k.lifecycle_stage, g.lifecycle_stage), lead_score = greatest(k.lead_score, g.lead_score),
            -- An opt-out or a block of either is of the person.
            opt_in = k.opt_in AND g.opt_in, opt_out_date = coalesce(k.opt_out_date, g.opt_out_date), is_blocked = k.is_blocked OR g.is_blocked,
            blocked_at = coalesce(k.blocked_at, g.blocked_at), blocked_reason = coalesce(k.blocked_reason, g.blocked_reason), is_vip = k.is_vip OR g.is_vip,
            assigned_agent_id = coalesce(k.assigned_agent_id, g.assigned_agent_id),
            last_message_at = greatest(k.last_message_at, g.last_message_at),
            last_message_received_at = greatest(k.last_message_received_at, g.last_message_received_at),
            last_message_sent_at = greatest(k.last_message_sent_at, g.last_message_sent_at),
            total_messages_sent = k.total_messages_sent + g.total_messages_sent, total_messages_received = k.total_messages_received + g.total_messages_received,
            total_conversations = k.total_conversations + g.total_conversations, updated_at = now()
       FROM contacts g WHERE k.organization_id = $1 AND k.id = $2 AND g.organization_id = $1 AND g.id = $3`,
    [...ids, other?.whatsapp_id ?? null, other?.match_key ?? null, other?.wa_id ?? null],
  );
}

async function mergeConversations(sql: Sql, organization_id: string, older: string, newer: string): Promise<void> {
  const ids = [organization_id, older, newer];
  await sql.query('SELECT id FROM conversations WHERE organization_id = $1 AND id IN ($2, $3) ORDER BY id FOR UPDATE', ids);
  await sql.query('UPDATE messages SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.query('UPDATE outbound_sends SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.query(
    `UPDATE conversations SET status = 'closed', closed_at = now(), close_reason = 'merged', unread_count = 0, updated_at = now()
      WHERE organization_id = $1 AND id = $3 AND $2::uuid IS NOT NULL`,
    ids,
  );
  await sql.query(
    `UPDATE conversations o
        SET first_message_at = least(o.first_message_at, n.first_message_at), last_message_at = greatest(o.last_message_at, n.last_message_at),
            last_message_id = CASE WHEN o.last_message_at IS NULL OR n.last_message_at > o.last_message_at THEN n.last_message_id ELSE o.last_message_id END,
            last_incoming_at = greatest(o.last_incoming_at, n.last_incoming_at), last_outgoing_at = greatest(o.last_outgoing_at, n.last_outgoing_at),
            window_expires_at = greatest(o.window_expires_at, n.window_expires_at), current_agent_id = coalesce(o.current_agent_id, n.current_agent_id),
            unread_count = (SELECT count(*) FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.direction = 'incoming'
                              AND m.created_at > coalesce(o.last_read_at, '-infinity')),
            total_messages = o.total_messages + n.total_messages, messages_from_contact = o.messages_from_contact + n.messages_from_contact,
            messages_from_agent = o.messages_from_agent + n.messages_from_agent, messages_from_bot = o.messages_from_bot + n.messages_from_bot, updated_at = now()
       FROM conversations n WHERE o.organization_id = $1 AND o.id = $2 AND n.organization_id = $1 AND n.id = $3`,
    ids,
  );
}
