import { newId } from '#common/uuid';
import type { MessageConversation } from '../conversations.events';
import { ConversationStatus } from '../conversation.entity';
import { type Message, MessageDirection, type MessageMedia, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import { presentMessage } from '../messages/message.dto';
import { newMessage } from '../messages/new-message';
import type { InboundMessage, MediaRef } from '#modules/whatsapp/parsed-change';
import { prepared } from '#database/sql';
import { type Batch, type Item, asRows } from './batch';
import { type FiledContact, resolvePeople } from './people';

/** Meta, Cloud API: 24 h from the customer's last message. */
export const WINDOW_MS = 24 * 3600_000;
const REOPEN_HOURS_DEFAULT = 24;

interface Thread {
  organization_id: string;
  contact: FiledContact;
  whatsapp_number_id: string;
  messages: Message[];
}

interface Candidate {
  id: string;
  contact_id: string;
  whatsapp_number_id: string;
  status: ConversationStatus;
  closed_at: Date | null;
  reopen_hours: number | null;
}

type ThreadState = MessageConversation & { contact_id: string; whatsapp_number_id: string };

/**
 * Files incoming messages: person, conversation, message, counters, in this order and all messages at once. What the provider repeats is
 * dropped before anything is touched.
 */
export async function fileMessages(batch: Batch, items: readonly Item<InboundMessage>[]): Promise<Message[]> {
  const fresh = await withoutKnown(batch, items);
  if (!fresh.length) return [];
  const contacts = await resolvePeople(
    batch,
    fresh.map(({ number, change }) => ({
      organization_id: number.organization_id,
      portfolio_id: number.waba_id ?? '',
      // The answer to our request for it is the sender's own phone; a card of anybody is not.
      ids: change.ids.phone || !change.linked_phones ? change.ids : { ...change.ids, phone: change.linked_phones[0] },
      profile_name: change.profile_name,
      username: change.username,
      message_at: change.timestamp,
      from_ad: change.from_ad,
    })),
  );

  const threads = new Map<string, Thread>();
  const byProviderId = new Map<string, Message>();
  const replies: { message: Message; provider_id: string }[] = [];
  fresh.forEach(({ number, change }, index) => {
    const contact = contacts[index];
    const key = `${contact.id} ${number.id}`;
    const thread = threads.get(key) ?? { organization_id: number.organization_id, contact, whatsapp_number_id: number.id, messages: [] };
    threads.set(key, thread);
    const message = newMessage({
      organization_id: number.organization_id,
      conversation_id: '',
      contact_id: contact.id,
      whatsapp_number_id: number.id,
      direction: MessageDirection.incoming,
      sender_type: SenderType.contact,
      sender_name: contact.name ?? contact.whatsapp_name,
      message_type: change.message_type as MessageType,
      content: change.content,
      payload: change.payload,
      media: mediaOf(change),
      status: MessageStatus.received,
      whatsapp_message_id: change.provider_id,
      forwarded: change.forwarded,
      created_at: change.timestamp,
    });
    thread.messages.push(message);
    byProviderId.set(`${number.id} ${change.provider_id}`, message);
    if (change.reply_to_provider_id) replies.push({ message, provider_id: change.reply_to_provider_id });
  });

  const told = await fileThreads(batch, [...threads.values()]);
  await linkReplies(batch, replies, byProviderId);
  const messages = [...threads.values()].flatMap((thread) => thread.messages);
  await insertMessages(batch, messages);
  await expectMedia(
    batch,
    fresh.map((item) => ({ message: byProviderId.get(keyOf(item)), media: item.change.media })),
  );
  for (const { contact, messages: ofThread } of threads.values()) {
    // Inbound from a blocked contact is kept silently.
    if (contact.is_blocked) continue;
    const { id, name, whatsapp_name, username, whatsapp_id, is_vip } = contact;
    const who = { id, name, whatsapp_name, username, whatsapp_id, is_vip };
    for (const message of ofThread) {
      const conversation = told.get(message.conversation_id);
      if (!conversation) continue;
      batch.tx.tell('message.received', {
        organization_id: message.organization_id,
        message: presentMessage(message),
        contact: who,
        conversation,
      });
    }
  }
  return messages;
}

/** The messages that are not stored yet, each once. */
async function withoutKnown(batch: Batch, items: readonly Item<InboundMessage>[]): Promise<Item<InboundMessage>[]> {
  const unique = new Map<string, Item<InboundMessage>>();
  for (const item of items) if (!unique.has(keyOf(item))) unique.set(keyOf(item), item);
  const all = [...unique.values()];
  const known = await batch.rows<{ whatsapp_number_id: string; whatsapp_message_id: string }>(
    prepared(`SELECT m.whatsapp_number_id, m.whatsapp_message_id
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(organization_id, whatsapp_number_id, whatsapp_message_id)
       JOIN messages m USING (organization_id, whatsapp_number_id, whatsapp_message_id)`),
    [all.map((i) => i.number.organization_id), all.map((i) => i.number.id), all.map((i) => i.change.provider_id)],
  );
  for (const row of known) unique.delete(`${row.whatsapp_number_id} ${row.whatsapp_message_id}`);
  return [...unique.values()];
}

const keyOf = ({ number, change }: Item<InboundMessage>): string => `${number.id} ${change.provider_id}`;

/** Each thread's conversation: the live one, else the newest resolved, else one closed not long ago, else a new one. Fills conversation_id. */
async function fileThreads(batch: Batch, threads: readonly Thread[]): Promise<Map<string, MessageConversation>> {
  const candidates = await batch.rows<Candidate>(
    prepared(`SELECT c.id, c.contact_id, c.whatsapp_number_id, c.status, c.closed_at, 
            CASE WHEN jsonb_typeof(o.settings->'reopen_window_hours') = 'number' THEN (o.settings->>'reopen_window_hours')::float END AS reopen_hours
       FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS t(organization_id, contact_id, whatsapp_number_id)
       JOIN organizations o ON o.id = t.organization_id
       CROSS JOIN LATERAL (
         SELECT * FROM conversations v
          WHERE v.organization_id = t.organization_id AND v.contact_id = t.contact_id AND v.whatsapp_number_id = t.whatsapp_number_id
            AND v.close_reason IS DISTINCT FROM 'merged'
          ORDER BY v.status IN ('open', 'pending') DESC, v.status = 'resolved' DESC, v.closed_at DESC NULLS LAST, v.created_at DESC LIMIT 1) c`),
    [threads.map((t) => t.organization_id), threads.map((t) => t.contact.id), threads.map((t) => t.whatsapp_number_id)],
  );
  const found = new Map(candidates.map((row) => [`${row.contact_id} ${row.whatsapp_number_id}`, row]));
  const updates: object[] = [];
  const inserts: object[] = [];
  const reopened = new Set<string>();
  for (const thread of threads) {
    const candidate = found.get(`${thread.contact.id} ${thread.whatsapp_number_id}`);
    const usable = candidate && (thread.contact.is_blocked || isRevivable(candidate));
    const id = usable ? candidate.id : newId();
    for (const message of thread.messages) message.conversation_id = id;
    const newest = thread.messages.reduce((a, b) => (b.created_at >= a.created_at ? b : a));
    const silent = thread.contact.is_blocked;
    const row = {
      id,
      organization_id: thread.organization_id,
      contact_id: thread.contact.id,
      whatsapp_number_id: thread.whatsapp_number_id,
      count: thread.messages.length,
      unread: silent ? 0 : thread.messages.length,
      silent,
      first_at: thread.messages.reduce((a, b) => (b.created_at < a.created_at ? b : a)).created_at,
      newest_at: newest.created_at,
      newest_id: newest.id,
      expires_at: new Date(newest.created_at.getTime() + WINDOW_MS),
      queue_priority: thread.contact.is_vip ? 100 : 50,
    };
    if (!usable) inserts.push(row);
    else {
      updates.push(row);
      if (!silent && candidate.status !== ConversationStatus.open && candidate.status !== ConversationStatus.pending) reopened.add(id);
    }
  }

  const states: ThreadState[] = [];
  if (updates.length) states.push(...(await batch.rows<ThreadState>(prepared(UPDATE_CONVERSATIONS), [asRows(updates)])));
  if (inserts.length) states.push(...(await batch.rows<ThreadState>(prepared(INSERT_CONVERSATIONS), [asRows(inserts)])));
  const insertedIds = new Set(inserts.map((row) => (row as { id: string }).id));
  for (const thread of threads) {
    if (thread.contact.is_blocked) continue;
    const { organization_id } = thread;
    const conversation_id = thread.messages[0].conversation_id;
    if (insertedIds.has(conversation_id)) batch.tx.tell('conversation.created', { organization_id, conversation_id, user_id: null });
    else if (reopened.has(conversation_id)) batch.tx.tell('conversation.reopened', { organization_id, conversation_id, user_id: null });
  }
  return new Map(states.map(({ contact_id: _c, whatsapp_number_id: _n, ...state }) => [state.id, state]));
}

function isRevivable(candidate: Candidate): boolean {
  if (candidate.status !== ConversationStatus.closed) return true;
  const hours = candidate.reopen_hours ?? REOPEN_HOURS_DEFAULT;
  return candidate.closed_at !== null && Date.now() - candidate.closed_at.getTime() <= hours * 3600_000;
}

const THREAD_ROWS = `json_to_recordset($1) AS t(id uuid, organization_id uuid, contact_id uuid, whatsapp_number_id uuid, count int, unread int, silent boolean,
  first_at timestamptz, newest_at timestamptz, newest_id uuid, expires_at timestamptz, queue_priority int)`;

const THREAD_STATE =
  'c.id, c.contact_id, c.whatsapp_number_id, c.status, c.unread_count, c.current_agent_id, c.last_message_at, c.window_expires_at';

// A message told late moves neither the last message nor the window backward.
const UPDATE_CONVERSATIONS = `UPDATE conversations c
    SET status = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.status ELSE 'open' END,
        reopened_at = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.reopened_at ELSE now() END,
        resolved_at = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.resolved_at END,
        closed_at = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.closed_at END,
        close_reason = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.close_reason END,
        is_archived = c.is_archived AND (t.silent OR c.status IN ('open', 'pending')),
        archived_at = CASE WHEN t.silent OR c.status IN ('open', 'pending') THEN c.archived_at END,
        current_agent_id = CASE WHEN c.status IN ('open', 'pending') OR c.current_agent_id IS NULL THEN c.current_agent_id
          ELSE (SELECT u.id FROM users u WHERE u.id = c.current_agent_id AND u.organization_id = c.organization_id AND u.is_active AND u.role <> 'viewer' AND u.deleted_at IS NULL) END,
        last_message_id = CASE WHEN c.last_message_at IS NULL OR t.newest_at >= c.last_message_at THEN t.newest_id ELSE c.last_message_id END,
        first_message_at = least(c.first_message_at, t.first_at),
        last_message_at = greatest(c.last_message_at, t.newest_at),
        last_incoming_at = greatest(c.last_incoming_at, t.newest_at),
        window_expires_at = greatest(c.window_expires_at, t.expires_at),
        unread_count = c.unread_count + t.unread,
        total_messages = c.total_messages + t.count, messages_from_contact = c.messages_from_contact + t.count, updated_at = now()
   FROM ${THREAD_ROWS}
  WHERE c.id = t.id AND c.organization_id = t.organization_id
 RETURNING ${THREAD_STATE}`;

// A blocked contact's first message makes a conversation that is over already. The window is the pair's: a new conversation inherits it.
const INSERT_CONVERSATIONS = `WITH c AS (
    INSERT INTO conversations (id, organization_id, contact_id, whatsapp_number_id, status, closed_at, close_reason, queue_priority, first_message_at, last_message_at,
           last_incoming_at, window_expires_at, unread_count, total_messages, messages_from_contact, last_message_id)
    SELECT t.id, t.organization_id, t.contact_id, t.whatsapp_number_id, CASE WHEN t.silent THEN 'closed' ELSE 'open' END, CASE WHEN t.silent THEN now() END,
           CASE WHEN t.silent THEN 'contact_blocked' END, t.queue_priority, t.first_at, t.newest_at, t.newest_at,
           greatest(t.expires_at, (SELECT max(v.window_expires_at) FROM conversations v
             WHERE v.organization_id = t.organization_id AND v.contact_id = t.contact_id AND v.whatsapp_number_id = t.whatsapp_number_id)), t.unread, t.count, t.count, t.newest_id
      FROM ${THREAD_ROWS}
    RETURNING *),
  counted AS (
    UPDATE contacts k SET total_conversations = k.total_conversations + n.count
      FROM (SELECT organization_id, contact_id, count(*)::int AS count FROM c GROUP BY 1, 2) n
     WHERE k.organization_id = n.organization_id AND k.id = n.contact_id)
  SELECT ${THREAD_STATE} FROM c`;

/** Quoted messages by the provider's id: those of this batch, then the stored ones. */
export async function linkReplies(
  batch: Batch,
  replies: readonly { message: Message; provider_id: string }[],
  fresh: ReadonlyMap<string, Message>,
): Promise<void> {
  const open: (typeof replies)[number][] = [];
  for (const reply of replies) {
    const quoted = fresh.get(`${reply.message.whatsapp_number_id} ${reply.provider_id}`);
    if (quoted) reply.message.reply_to_message_id = quoted.id;
    else open.push(reply);
  }
  if (!open.length) return;
  const rows = await batch.rows<{ id: string; whatsapp_number_id: string; whatsapp_message_id: string }>(
    prepared(`SELECT m.id, m.whatsapp_number_id, m.whatsapp_message_id
       FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k(organization_id, whatsapp_number_id, whatsapp_message_id)
       JOIN messages m USING (organization_id, whatsapp_number_id, whatsapp_message_id)`),
    [open.map((r) => r.message.organization_id), open.map((r) => r.message.whatsapp_number_id), open.map((r) => r.provider_id)],
  );
  const stored = new Map(rows.map((row) => [`${row.whatsapp_number_id} ${row.whatsapp_message_id}`, row.id]));
  for (const { message, provider_id } of open)
    message.reply_to_message_id = stored.get(`${message.whatsapp_number_id} ${provider_id}`) ?? null;
}

/** Columns a filed message says; the others have their defaults. */
export async function insertMessages(batch: Batch, messages: readonly Message[]): Promise<void> {
  if (!messages.length) return;
  await batch.rows(
    prepared(`INSERT INTO messages (id, organization_id, conversation_id, contact_id, whatsapp_number_id, direction, sender_type, sender_name, message_type, content, payload,
            media, status, whatsapp_message_id, reply_to_message_id, forwarded, reactions, sent_at, created_at)
     SELECT m.id, m.organization_id, m.conversation_id, m.contact_id, m.whatsapp_number_id, m.direction, m.sender_type, m.sender_name, m.message_type, m.content,
            m.payload, m.media, m.status, m.whatsapp_message_id, m.reply_to_message_id, m.forwarded, m.reactions, m.sent_at, m.created_at
       FROM json_to_recordset($1) AS m(id uuid, organization_id uuid, conversation_id uuid, contact_id uuid, whatsapp_number_id uuid, direction text, sender_type text,
            sender_name text, message_type text, content text, payload jsonb, media jsonb, status text, whatsapp_message_id text, reply_to_message_id uuid,
            forwarded boolean, reactions jsonb, sent_at timestamptz, created_at timestamptz)`),
    [asRows(messages)],
  );
}

export function mediaOf(change: Pick<InboundMessage, 'media'>): MessageMedia | null {
  const { media } = change;
  if (!media) return null;
  return {
    id: newId(),
    mime_type: media.mime_type ?? 'application/octet-stream',
    filename: media.filename ?? null,
    size_bytes: null,
    sha256: null,
    status: 'pending',
    url: null,
  };
}

/** The files to fetch. */
export async function expectMedia(
  batch: Batch,
  files: readonly { message: Message | undefined; media: MediaRef | undefined }[],
): Promise<void> {
  const expected = files.flatMap(({ message, media }) => {
    if (!media || !message?.media) return [];
    const { id, mime_type } = message.media;
    return [
      {
        id,
        organization_id: message.organization_id,
        message_id: message.id,
        whatsapp_number_id: message.whatsapp_number_id,
        provider_media_id: media.id.slice(0, 128),
        mime_type,
        filename: media.filename ?? null,
        sha256: media.sha256?.slice(0, 64) ?? null,
      },
    ];
  });
  await batch.media.expect(batch.tx, expected);
}
