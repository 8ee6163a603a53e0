import type { Actor } from '#common/actor';
import { type Merge, declareContactRows } from '#database/personal-data';
import type { Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { countConversations } from '#modules/contacts/contact-counters';
import { type Conversation, ConversationStatus } from '../conversation.entity';
import { endAll, liveOf, tellMove } from './moves';

/**
 * Two contacts become one: the conversations and messages of the one become the other's. At most one live conversation per number remains: the
 * newer one's messages move into the older, and the emptied one stays, closed with reason `merged` and archived, so that links to it still open.
 */
async function mergeThreads(tx: Tx, { actor, keep, gone }: Merge): Promise<void> {
  const { organization_id } = actor;
  const ids = [organization_id, keep, gone];
  // Whose number is not the one's: answers, and what is on its way, go on to the phone that wrote.
  await tx.rows(
    `WITH gone AS (
       SELECT i.id FROM contacts g
         JOIN contacts k ON k.organization_id = $1 AND k.id = $2 AND k.match_key IS NOT NULL
         JOIN contact_identities i ON i.organization_id = $1 AND i.contact_id = g.id AND i.kind = 'phone' AND i.value = g.match_key
        WHERE g.organization_id = $1 AND g.id = $3),
     waiting AS (
       UPDATE outbound_sends o SET contact_identity_id = gone.id FROM gone
        WHERE o.organization_id = $1 AND o.contact_identity_id IS NULL
          AND o.conversation_id IN (SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = $3))
     UPDATE conversations v SET contact_identity_id = gone.id FROM gone
      WHERE v.organization_id = $1 AND v.contact_id = $3 AND v.contact_identity_id IS NULL`,
    ids,
  );
  const live = await liveOf(tx, actor, { contact_id: [keep, gone] });
  const twins = Map.groupBy(live, ({ whatsapp_number_id }) => whatsapp_number_id);
  // Without a number they are nobody's twins. Ids are UUIDv7: the lesser is the older.
  const pairs = [...twins].flatMap(([number, [older, newer]]) => (number && newer ? [{ older, newer }] : []));
  for (const { older, newer } of pairs) await mergeConversations(tx, actor, older, newer);
  await endAll(
    tx,
    actor,
    pairs.map(({ newer }) => newer),
    'merged',
  );
  const { user_id } = actor;
  for (const { older, newer } of pairs) {
    // It took the other's status.
    if (older.status !== newer.status && older.status === ConversationStatus.pending) tellMove(tx, actor, older, ConversationStatus.open);
    tx.tell('conversation.updated', { organization_id, conversation_id: older.id, user_id });
    tx.tell('conversation.archived', { organization_id, conversation_id: newer.id, user_id });
  }
  await countConversations(tx, [{ organization_id, contact_id: gone, count: -pairs.length }]);

  // By their conversations: messages have no index by contact, and need none for this.
  await tx.rows(
    `UPDATE messages SET contact_id = $2
      WHERE organization_id = $1 AND contact_id = $3
        AND conversation_id IN (SELECT id FROM conversations WHERE organization_id = $1 AND contact_id IN ($2, $3))`,
    ids,
  );
  await tx.rows('UPDATE conversations SET contact_id = $2, updated_at = now() WHERE organization_id = $1 AND contact_id = $3', ids);
}

/** The older takes what the newer has; the newer is left to be ended. */
async function mergeConversations(sql: Sql, actor: Actor, older: Conversation, newer: Conversation): Promise<void> {
  const ids = [actor.organization_id, older.id, newer.id];
  await sql.rows('UPDATE messages SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.rows('UPDATE outbound_sends SET conversation_id = $2 WHERE organization_id = $1 AND conversation_id = $3', ids);
  await sql.rows(
    `UPDATE conversations o
        SET status = CASE WHEN 'open' IN (o.status, n.status) THEN 'open' ELSE o.status END, is_archived = o.is_archived AND n.is_archived,
            archived_at = CASE WHEN o.is_archived AND n.is_archived THEN o.archived_at END,
            queue_priority = greatest(o.queue_priority, n.queue_priority), current_agent_id = coalesce(o.current_agent_id, n.current_agent_id),
            assigned_at = coalesce(o.assigned_at, n.assigned_at), department_id = coalesce(o.department_id, n.department_id),
            queue_id = coalesce(o.queue_id, n.queue_id), queued_at = least(o.queued_at, n.queued_at),
            sla_due_at = least(o.sla_due_at, n.sla_due_at), sla_ends_at = least(o.sla_ends_at, n.sla_ends_at),
            queue_answered_at = least(o.queue_answered_at, n.queue_answered_at),
            first_message_at = least(o.first_message_at, n.first_message_at), last_message_at = greatest(o.last_message_at, n.last_message_at),
            last_incoming_at = greatest(o.last_incoming_at, n.last_incoming_at), last_outgoing_at = greatest(o.last_outgoing_at, n.last_outgoing_at),
            first_response_at = least(o.first_response_at, n.first_response_at),
            first_response_time_seconds = coalesce(o.first_response_time_seconds, n.first_response_time_seconds),
            asked_at = least(o.asked_at, n.asked_at), answers = o.answers + n.answers, waited_seconds = o.waited_seconds + n.waited_seconds,
            contact_identity_id = CASE WHEN n.last_incoming_at > coalesce(o.last_incoming_at, '-infinity') THEN n.contact_identity_id ELSE o.contact_identity_id END,
            window_expires_at = greatest(o.window_expires_at, n.window_expires_at), unread_count = o.unread_count + n.unread_count,
            is_human_requested = o.is_human_requested OR n.is_human_requested, handoff_at = greatest(o.handoff_at, n.handoff_at),
            -- A human took over one of them: the bot is silent in both.
            is_bot_active = (o.is_bot_active OR n.is_bot_active) AND coalesce(o.handoff_at, n.handoff_at) IS NULL,
            total_messages = o.total_messages + n.total_messages, messages_from_contact = o.messages_from_contact + n.messages_from_contact,
            messages_from_agent = o.messages_from_agent + n.messages_from_agent, messages_from_bot = o.messages_from_bot + n.messages_from_bot,
            tags = ARRAY(SELECT DISTINCT tag FROM unnest(o.tags || n.tags) AS tag ORDER BY tag LIMIT 20), extra_data = n.extra_data || o.extra_data,
            transfers = jsonb_path_query_array(o.transfers || n.transfers, '$[last - 49 to last]'),
            last_message_id = (SELECT m.id FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.message_type NOT IN ('note', 'reaction')
                                ORDER BY m.created_at DESC, m.id DESC LIMIT 1),
            updated_at = now()
       FROM conversations n WHERE o.organization_id = $1 AND o.id = $2 AND n.organization_id = $1 AND n.id = $3`,
    ids,
  );
  await sql.rows(
    `UPDATE conversations
        SET is_archived = true, archived_at = now(), unread_count = 0, total_messages = 0,
            messages_from_contact = 0, messages_from_agent = 0, messages_from_bot = 0, last_message_id = NULL, asked_at = NULL, answers = 0, waited_seconds = 0,
            extra_data = extra_data || jsonb_build_object('merged_into_id', $2::uuid), updated_at = now()
      WHERE organization_id = $1 AND id = $3`,
    ids,
  );
}

/** A block of either is of the person; what the other had open ends with it. */
async function closeBlocked(tx: Tx, { actor, keep }: Merge): Promise<void> {
  await endAll(tx, actor, await liveOf(tx, actor, { contact_id: [keep] }), 'contact_blocked');
}

/** What would keep messages from being deleted: that they wait to leave, or that they were sent once more. */
export async function releaseMessages(tx: Tx, organization_id: string, ids: readonly string[]): Promise<void> {
  await tx.rows('DELETE FROM outbound_sends WHERE organization_id = $1 AND message_id = ANY($2)', [organization_id, ids]);
  await tx.rows('UPDATE messages SET resent_as_id = NULL WHERE organization_id = $1 AND resent_as_id = ANY($2)', [organization_id, ids]);
}

declareContactRows('conversations', {
  merge: mergeThreads,
  blocked: closeBlocked,
  erase: 'delete',
  anonymize: { blank: ['extra_data', 'transfers', 'rating_comment'] },
  export: ['id', 'channel', 'status', 'tags', 'close_reason', 'rating', 'rating_comment', 'extra_data', 'created_at', 'closed_at'],
});
declareContactRows('messages', {
  // With their conversations, above.
  merge: null,
  // Their files, history and outbox rows go with them.
  erase: 'delete',
  // WhatsApp's ids have the phone in them.
  anonymize: {
    blank: [
      'content',
      'sender_name',
      'payload',
      'media',
      'reactions',
      'metadata',
      'earlier_versions',
      'client_reference',
      'whatsapp_message_id',
      'error_message',
    ],
    words: {
      content: "CASE WHEN content IS NOT NULL THEN '[anonymized]' END",
      sender_name: "CASE WHEN direction <> 'incoming' THEN sender_name END",
    },
  },
  // By their conversations: messages have no index by contact.
  where: 'organization_id = $1 AND conversation_id IN (SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = $2)',
  detach: releaseMessages,
  export: ['id', 'conversation_id', 'direction', 'message_type', 'content', 'payload', 'media', 'reactions', 'status', 'created_at'],
  // Notes are the team's among themselves.
  export_where: "direction <> 'internal'",
});
