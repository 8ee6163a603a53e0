import type { Actor } from '#common/actor';
import { newId } from '#common/uuid';
import type { Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { countConversations } from '#modules/contacts/contact-counters';
import { Conversation } from '../conversation.entity';
import type { MessageConversation } from '../conversations.events';
import { type Message, SenderType } from '../messages/message.entity';
import { activeRow } from './active';
import { revivedWhere } from './moves';

/*
 * What a message does to its conversation: last message, window, counters, who has read, the first answer. A message told late moves neither the
 * last message nor the window backward.
 */

/** Meta, Cloud API: 24 h from the customer's last message. */
const WINDOW_MS = 24 * 3600_000;

/** A customer's messages of one transaction in one conversation. */
export interface Heard {
  id: string;
  organization_id: string;
  contact_id: string;
  whatsapp_number_id: string;
  count: number;
  /** Of these, how many nobody has to read. */
  quiet: number;
  /** From a blocked contact, or no more than an answer to a survey: kept, and nothing comes back to life. */
  silent: boolean;
  first_at: Date;
  newest_at: Date;
  newest_id: string;
  /** The name answers go to, by the newest that says so; null: the contact's own number. */
  contact_identity_id: string | null;
  /** None of them says so. */
  keeps_address: boolean;
  /** Who has it when it comes back to life with these, or begins. */
  current_agent_id: string | null;
  queue_priority: number;
}

type HeardState = MessageConversation & { contact_id: string; whatsapp_number_id: string };

/** Customers wrote: in conversations that are there, and in ones that begin with it. Answers them as they are now. */
export async function hear(tx: Tx, known: readonly Heard[], fresh: readonly Heard[]): Promise<HeardState[]> {
  const states: HeardState[] = [];
  if (known.length) states.push(...(await tx.rows<HeardState>(HEAR, [asRows(known)])));
  if (fresh.length) {
    states.push(...(await tx.rows<HeardState>(BEGIN, [asRows(fresh)])));
    await countConversations(
      tx,
      fresh.map(({ organization_id, contact_id }) => ({ organization_id, contact_id, count: 1 })),
    );
  }
  return states;
}

const asRows = (heard: readonly Heard[]): string =>
  JSON.stringify(
    heard.map((row) => ({
      ...row,
      unread: row.silent ? 0 : row.count - row.quiet,
      expires_at: new Date(row.newest_at.getTime() + WINDOW_MS),
    })),
  );

const HEARD = `json_to_recordset($1) AS t(id uuid, organization_id uuid, contact_id uuid, whatsapp_number_id uuid, count int, unread int, silent boolean,
  first_at timestamptz, newest_at timestamptz, newest_id uuid, contact_identity_id uuid, keeps_address boolean, expires_at timestamptz, current_agent_id uuid, queue_priority int)`;

const STATE =
  'c.id, c.contact_id, c.whatsapp_number_id, c.status, c.unread_count, c.current_agent_id, c.last_message_at, c.window_expires_at';

const REVIVES = `NOT t.silent AND NOT (${activeRow('c')})`;

const HEAR = prepared(`UPDATE conversations c
    SET ${revivedWhere(REVIVES)},
        current_agent_id = CASE WHEN ${REVIVES} THEN t.current_agent_id ELSE c.current_agent_id END,
        queue_priority = CASE WHEN ${REVIVES} THEN t.queue_priority ELSE c.queue_priority END,
        last_message_id = CASE WHEN c.last_message_at IS NULL OR t.newest_at >= c.last_message_at THEN t.newest_id ELSE c.last_message_id END,
        contact_identity_id = CASE WHEN NOT t.keeps_address AND (c.last_incoming_at IS NULL OR t.newest_at >= c.last_incoming_at) THEN t.contact_identity_id ELSE c.contact_identity_id END,
        first_message_at = least(c.first_message_at, t.first_at),
        last_message_at = greatest(c.last_message_at, t.newest_at),
        last_incoming_at = greatest(c.last_incoming_at, t.newest_at),
        window_expires_at = greatest(c.window_expires_at, t.expires_at),
        asked_at = CASE WHEN t.unread = 0 THEN c.asked_at WHEN ${activeRow('c')} THEN coalesce(c.asked_at, t.first_at) ELSE t.first_at END,
        unread_count = c.unread_count + t.unread,
        total_messages = c.total_messages + t.count, messages_from_contact = c.messages_from_contact + t.count, updated_at = now()
   FROM ${HEARD}
  WHERE c.id = t.id AND c.organization_id = t.organization_id
 RETURNING ${STATE}`);

// A blocked contact's first message makes a conversation that is over already. The window is the pair's: a new conversation inherits it.
const BEGIN =
  prepared(`INSERT INTO conversations AS c (id, organization_id, contact_id, whatsapp_number_id, status, closed_at, close_reason, current_agent_id, queue_priority,
         first_message_at, last_message_at, last_incoming_at, window_expires_at, asked_at, unread_count, total_messages, messages_from_contact, last_message_id, contact_identity_id)
  SELECT t.id, t.organization_id, t.contact_id, t.whatsapp_number_id, CASE WHEN t.silent THEN 'closed' ELSE 'open' END, CASE WHEN t.silent THEN now() END,
         CASE WHEN t.silent THEN 'contact_blocked' END, t.current_agent_id, t.queue_priority, t.first_at, t.newest_at, t.newest_at,
         greatest(t.expires_at, (SELECT max(v.window_expires_at) FROM conversations v
           WHERE v.organization_id = t.organization_id AND v.contact_id = t.contact_id AND v.whatsapp_number_id = t.whatsapp_number_id)),
         CASE WHEN t.unread > 0 THEN t.first_at END, t.unread, t.count, t.count, t.newest_id,
         CASE WHEN t.keeps_address THEN (SELECT v.contact_identity_id FROM conversations v
           WHERE v.organization_id = t.organization_id AND v.contact_id = t.contact_id AND v.whatsapp_number_id = t.whatsapp_number_id
           ORDER BY v.last_incoming_at DESC NULLS LAST LIMIT 1) ELSE t.contact_identity_id END
    FROM ${HEARD}
  RETURNING ${STATE}`);

/** A reaction is a message of the customer's too: the window of the pair counts from it. Meta: edits and revokes open none. */
export async function hearReaction(
  sql: Sql,
  { organization_id, conversation_id, contact_id, whatsapp_number_id }: Message,
  at: Date,
): Promise<void> {
  await sql.rows(REACTION, [organization_id, conversation_id, at, new Date(at.getTime() + WINDOW_MS), contact_id, whatsapp_number_id]);
}

const REACTION = prepared(`UPDATE conversations c
    SET window_expires_at = greatest(c.window_expires_at, $4), last_incoming_at = greatest(c.last_incoming_at, $3)
  WHERE c.organization_id = $1 AND c.contact_id = $5 AND c.whatsapp_number_id = $6 AND (c.id = $2 OR ${activeRow('c')})`);

/** SQL: a person answers whoever waits, where the condition holds. */
const answered = (condition: string, at: string): string =>
  `answers = answers + (${condition} AND asked_at IS NOT NULL)::int, asked_at = CASE WHEN NOT (${condition}) THEN asked_at END,
    waited_seconds = waited_seconds + CASE WHEN ${condition} THEN greatest(0, extract(epoch FROM ${at} - asked_at)) ELSE 0 END`;

/** A message of ours leaves: a person's answer reads the thread and takes it over from the bot. Answers the conversation as it is now. */
export async function say(tx: Tx, message: Message, whatsapp_number_id: string): Promise<Conversation> {
  const conversations = new TenantRepository(tx, Conversation);
  const { id, organization_id, conversation_id, created_at, sender_type } = message;
  const [raw] = await tx.rows<Record<string, unknown>>(prepared(`${SAY} RETURNING ${conversations.columns}`), [
    organization_id,
    conversation_id,
    whatsapp_number_id,
    id,
    created_at,
    sender_type === SenderType.agent,
    sender_type === SenderType.bot ? 1 : 0,
  ]);
  return conversations.hydrate(raw);
}

const SAY = `UPDATE conversations SET
    whatsapp_number_id = $3, last_message_id = $4, last_message_at = greatest(last_message_at, $5), first_message_at = least(first_message_at, $5),
    last_outgoing_at = greatest(last_outgoing_at, $5), total_messages = total_messages + 1,
    messages_from_agent = messages_from_agent + $6::boolean::int, messages_from_bot = messages_from_bot + $7,
    unread_count = CASE WHEN $6 THEN 0 ELSE unread_count END, last_read_at = CASE WHEN $6 THEN now() ELSE last_read_at END,
    handoff_at = CASE WHEN $6 AND is_bot_active THEN now() ELSE handoff_at END, is_bot_active = is_bot_active AND NOT $6,
    queue_answered_at = CASE WHEN $6 AND queued_at IS NOT NULL THEN coalesce(queue_answered_at, $5) ELSE queue_answered_at END,
    first_response_at = CASE WHEN $6 AND last_incoming_at IS NOT NULL THEN coalesce(first_response_at, $5) ELSE first_response_at END,
    first_response_time_seconds = CASE WHEN $6 AND last_incoming_at IS NOT NULL AND first_response_at IS NULL
      THEN greatest(0, extract(epoch FROM $5 - first_message_at))::int ELSE first_response_time_seconds END,
    ${answered('$6::boolean', '$5')}, updated_at = now()
  WHERE organization_id = $1 AND id = $2`;

/** What could not be sent stands in the thread all the same. Answers the conversation as it is now. */
export async function sayInVain(tx: Tx, actor: Actor, conversation: Conversation, message: Message): Promise<Conversation> {
  return new TenantRepository(tx, Conversation).patch(actor, conversation.id, {
    last_message_id: message.id,
    last_message_at: message.created_at,
    total_messages: conversation.total_messages + 1,
  });
}

/** Typed on the business's own phone: opens no window; who answers there has read what came before. In the pair's newest conversation, else in one that begins with it. */
export async function echo(
  tx: Tx,
  message: Pick<Message, 'id' | 'organization_id' | 'contact_id' | 'whatsapp_number_id' | 'created_at'>,
): Promise<{ conversation: Conversation; is_new: boolean }> {
  const { id, organization_id, contact_id, whatsapp_number_id, created_at } = message;
  const existing = await newestOf(tx, organization_id, contact_id, whatsapp_number_id);
  if (existing) {
    const [conversation] = await tx.rows<Conversation>(
      `UPDATE conversations SET last_message_id = CASE WHEN last_message_at IS NULL OR $3 >= last_message_at THEN $4 ELSE last_message_id END,
              unread_count = CASE WHEN last_incoming_at > $3 THEN unread_count ELSE 0 END, last_read_at = greatest(last_read_at, $3),
              last_message_at = greatest(last_message_at, $3), last_outgoing_at = greatest(last_outgoing_at, $3), total_messages = total_messages + 1,
              ${answered('(asked_at <= $3) IS TRUE', '$3')}, updated_at = now()
        WHERE organization_id = $1 AND id = $2 RETURNING *`,
      [organization_id, existing, created_at, id],
    );
    return { conversation, is_new: false };
  }
  const [conversation] = await tx.rows<Conversation>(
    `INSERT INTO conversations (id, organization_id, contact_id, whatsapp_number_id, first_message_at, last_message_at, last_outgoing_at, total_messages, last_message_id)
     VALUES ($6, $1, $2, $3, $4, $4, $4, 1, $5) RETURNING *`,
    [organization_id, contact_id, whatsapp_number_id, created_at, id, newId()],
  );
  await countConversations(tx, [{ organization_id, contact_id, count: 1 }]);
  return { conversation, is_new: true };
}

/** The pair's live conversation, else their newest. */
export async function newestOf(
  sql: Sql,
  organization_id: string,
  contact_id: string,
  whatsapp_number_id: string | null,
): Promise<string | null> {
  const [found] = await sql.rows<{ id: string } | undefined>(
    `SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.contact_id = $2 AND c.whatsapp_number_id = $3 AND c.close_reason IS DISTINCT FROM 'merged'
      ORDER BY ${activeRow('c')} DESC, c.created_at DESC LIMIT 1`,
    [organization_id, contact_id, whatsapp_number_id],
  );
  return found?.id ?? null;
}

/** Answers go to this name of the contact until they write under another one; null: to their number. */
export async function addressTo(tx: Tx, conversation: Conversation, contact_identity_id: string | null): Promise<void> {
  if (conversation.contact_identity_id === contact_identity_id) return;
  await tx.rows('UPDATE conversations SET contact_identity_id = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
    conversation.organization_id,
    conversation.id,
    contact_identity_id,
  ]);
}

/** The team has read everything. */
export async function readAll(tx: Tx, actor: Actor, conversation_id: string): Promise<void> {
  await new TenantRepository(tx, Conversation).patch(actor, conversation_id, { unread_count: 0, last_read_at: new Date() });
}

/** The team has read up to this incoming message. Answers how many are unread; undefined: there is no such conversation. */
export async function readUpTo(
  sql: Sql,
  { id, organization_id, conversation_id, created_at }: Pick<Message, 'id' | 'organization_id' | 'conversation_id' | 'created_at'>,
): Promise<number | undefined> {
  const [changed] = await sql.rows<{ unread_count: number } | undefined>(
    `UPDATE conversations c SET last_read_at = greatest(c.last_read_at, $3), updated_at = now(),
            unread_count = (SELECT count(*) FROM messages m WHERE m.organization_id = $1 AND m.conversation_id = $2 AND m.direction = 'incoming'
                              AND (m.created_at, m.id) > ($3, $4) AND m.created_at > coalesce(c.last_read_at, '-infinity'))
      WHERE c.organization_id = $1 AND c.id = $2 RETURNING c.unread_count`,
    [organization_id, conversation_id, created_at, id],
  );
  return changed?.unread_count;
}

/**
 * SQL: a live row whose window ends within the hour, and nobody was told of it; `kinds`: of the numbers that have windows. By the index of what wants
 * attention, so no message pays for it: whose window is open has a message of the last 24 hours, or inherited it, but for who only reacted since.
 */
export const expiringRow = (row: string, kinds: string): string =>
  `NOT ${row}.is_archived AND ${activeRow(row)} AND (${row}.last_message_at > now() - interval '24 hours' OR ${row}.last_message_at IS NULL)
   AND ${row}.window_expires_at > now() AND ${row}.window_expires_at <= now() + interval '60 minutes' AND ${row}.window_told_for IS DISTINCT FROM ${row}.window_expires_at
   AND EXISTS (SELECT FROM whatsapp_numbers n WHERE n.organization_id = ${row}.organization_id AND n.id = ${row}.whatsapp_number_id AND n.connection_type = ANY(${kinds}))`;

const TAKE_EXPIRING = `WITH due AS (
    SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND ${expiringRow('c', '$2')} ORDER BY c.id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
  UPDATE conversations c SET window_told_for = c.window_expires_at FROM due WHERE c.organization_id = $1 AND c.id = due.id
  RETURNING c.id, c.window_expires_at`;

/** Windows that end within the hour, each for whoever comes first to tell it. */
export const takeExpiring = (
  tx: Tx,
  organization_id: string,
  kinds: readonly string[],
  limit: number,
): Promise<{ id: string; window_expires_at: Date }[]> => tx.rows(TAKE_EXPIRING, [organization_id, kinds, limit]);

/**
 * The provider says that the pair's window is closed. A customer who wrote after `at` opened it again; one with several phones has a window with each,
 * and may just have written from another.
 */
export async function closeWindow(
  sql: Sql,
  { organization_id, contact_id, whatsapp_number_id }: { organization_id: string; contact_id: string; whatsapp_number_id: string | null },
  at: Date,
): Promise<void> {
  await sql.rows(
    `UPDATE conversations SET window_expires_at = least(window_expires_at, now()), updated_at = now()
      WHERE organization_id = $1 AND contact_id = $2 AND whatsapp_number_id = $3 AND (last_incoming_at IS NULL OR last_incoming_at <= $4)
        AND (SELECT count(*) FROM contact_identities WHERE organization_id = $1 AND contact_id = $2 AND kind = 'phone' AND is_active) < 2`,
    [organization_id, contact_id, whatsapp_number_id, at],
  );
}
