import { newId } from '#common/uuid';
import type { MessageConversation } from '../conversations.events';
import { type ConversationPriority, ConversationStatus, type CsatAwaits } from '../conversation.entity';
import { Message, MessageDirection, type MessageMedia, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import { presentMessage } from '../messages/message.dto';
import { newMessage } from '../messages/new-message';
import { type StopWord, stopWordIn } from '#modules/organizations/stop-words';
import type { FiledNumber } from '#modules/whatsapp/numbers/number-directory';
import type { InboundMessage, MediaRef, MessageContent } from '#modules/whatsapp/parsed-change';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import type { Batch, Item } from './batch';
import { answersIn } from '../surveys/answers';
import { isActive } from '../state/active';
import { menuAnswers } from './menu-answers';
import type { Wish } from '../state/line';
import { isRevivable, route } from '../state/opening';
import { type Rating, rate } from '../state/rating';
import { enterQueues } from '../state/queueing';
import { type Heard, hear } from '../state/traffic';
import { type FiledContact, resolvePeople } from '#modules/contacts/resolve-people';

interface Thread {
  organization_id: string;
  contact: FiledContact;
  whatsapp_number_id: string;
  /** Its number answers by itself. */
  auto_replies: boolean;
  messages: Message[];
  /** The name each of those came under that say by which to answer. */
  wrote_as: Map<Message, string | null>;
  /** Those that say nothing but a stop word. */
  stops: Map<Message, StopWord>;
}

interface Candidate {
  id: string;
  contact_id: string;
  whatsapp_number_id: string;
  status: ConversationStatus;
  priority: ConversationPriority;
  closed_at: Date | null;
  resolved_at: Date | null;
  /** Who had it last, if they may still answer. */
  last_agent_id: string | null;
  reopen_hours: number | null;
  queue_id: string | null;
  csat_awaits: CsatAwaits | null;
  csat_until: Date | null;
}

/**
 * Files incoming messages: person, conversation, message, counters, in this order and all messages at once. What the provider repeats is
 * dropped before anything is touched.
 */
export async function fileMessages(batch: Batch, items: readonly Item<InboundMessage>[]): Promise<Message[]> {
  const fresh = await withoutKnown(batch, items);
  if (!fresh.length) return [];
  const people = await resolvePeople(
    batch.tx,
    batch.contacts,
    fresh.map(({ number, change }) => ({
      organization_id: number.organization_id,
      portfolio_id: number.waba_id ?? '',
      // The answer to our request for it is the sender's own phone; a card of anybody is not.
      ids: change.ids.phone || !change.linked_phones ? change.ids : { ...change.ids, phone: change.linked_phones[0] },
      profile_name: change.profile_name,
      username: change.username,
      seen_at: change.timestamp,
      message_at: change.timestamp,
      from_ad: change.from_ad,
    })),
  );

  const answers = await menuAnswers(
    batch,
    fresh,
    people.map(({ contact }) => contact),
  );
  const threads = new Map<string, Thread>();
  const byProviderId = new Map<string, Message>();
  const replies: { message: Message; provider_id: string }[] = [];
  fresh.forEach(({ number, change: told }, index) => {
    const { contact, wrote_as } = people[index];
    const change = { ...told, ...answers.get(index) };
    const key = `${contact.id} ${number.id}`;
    const thread: Thread = threads.get(key) ?? {
      organization_id: number.organization_id,
      contact,
      whatsapp_number_id: number.id,
      auto_replies: number.auto_replies,
      messages: [],
      wrote_as: new Map(),
      stops: new Map(),
    };
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
    if (wrote_as !== undefined) thread.wrote_as.set(message, wrote_as);
    const stop = change.group_id === null ? stopIn(number, change) : null;
    if (stop) thread.stops.set(message, stop);
    byProviderId.set(`${number.id} ${change.provider_id}`, message);
    if (change.reply_to_provider_id) replies.push({ message, provider_id: change.reply_to_provider_id });
  });

  const told = await fileThreads(batch, [...threads.values()]);
  await linkReplies(batch, replies, byProviderId);
  const messages = [...threads.values()].flatMap((thread) => thread.messages);
  await new TenantRepository(batch.tx, Message).insertAll(messages);
  await expectMedia(
    batch,
    fresh.map((item) => ({ message: byProviderId.get(keyOf(item)), media: item.change.media })),
  );
  for (const { contact, messages: ofThread, stops } of threads.values()) {
    for (const [{ organization_id, conversation_id, id: message_id, created_at: written_at }, stop] of stops)
      batch.tx.tell('conversation.stop_word', {
        organization_id,
        conversation_id,
        contact_id: contact.id,
        message_id,
        ...stop,
        written_at,
      });
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

/** Decisions, 30. What was chosen of a menu is its answer, whatever the words. */
function stopIn({ stop_words }: FiledNumber, { message_type, content, payload }: MessageContent): StopWord | null {
  if (message_type === 'button') return payload.payload === STOP_PAYLOAD ? { word: STOP_PAYLOAD, opt_in: false } : null;
  return message_type === 'text' && content ? stopWordIn(stop_words, content) : null;
}

const STOP_PAYLOAD = 'STOP';

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
    prepared(`SELECT c.id, c.contact_id, c.whatsapp_number_id, c.status, c.closed_at, c.resolved_at, c.priority, c.queue_id, c.csat_awaits, c.csat_until,
            CASE WHEN jsonb_typeof(o.settings->'reopen_window_hours') = 'number' THEN (o.settings->>'reopen_window_hours')::float END AS reopen_hours,
            CASE WHEN c.status NOT IN ('open', 'pending') THEN (SELECT u.id FROM users u WHERE u.organization_id = t.organization_id AND u.id = c.current_agent_id
              AND u.is_active AND u.role <> 'viewer' AND u.deleted_at IS NULL) END AS last_agent_id
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
  const known: Heard[] = [];
  const fresh: Heard[] = [];
  const reopened = new Set<string>();
  const wishes: Wish[] = [];
  const ratings: Rating[] = [];
  for (const thread of threads) {
    const { organization_id, contact, whatsapp_number_id, messages, wrote_as, stops } = thread;
    const candidate = found.get(`${contact.id} ${whatsapp_number_id}`);
    const answers = candidate && !contact.is_blocked ? answersIn(candidate, messages) : null;
    const usable = candidate && (contact.is_blocked || answers || isRevivable(candidate, candidate.reopen_hours));
    const id = usable ? candidate.id : newId();
    if (answers) ratings.push({ ...answers.rating, organization_id, id });
    for (const message of messages) if (answers?.chosen.has(message)) stops.delete(message);
    const quiet = answers?.count ?? 0;
    // What answers a survey wakes nobody.
    const silent = contact.is_blocked || quiet === messages.length;
    for (const message of messages) message.conversation_id = id;
    const newest = newestOf(messages) ?? messages[0];
    const said = newestOf(messages.filter((message) => wrote_as.has(message)));
    const chosen = route({ contact, ...(usable ? candidate : { last_agent_id: null }) });
    const begins = !silent && !(usable && isActive(candidate));
    if (begins && !chosen.current_agent_id)
      wishes.push({
        organization_id,
        conversation_id: id,
        is_vip: contact.is_vip,
        named: null,
        whatsapp_number_id,
        last_queue_id: usable ? candidate.queue_id : null,
      });
    (usable ? known : fresh).push({
      id,
      organization_id,
      contact_id: contact.id,
      whatsapp_number_id,
      count: messages.length,
      quiet,
      silent,
      first_at: messages.reduce((a, b) => (b.created_at < a.created_at ? b : a)).created_at,
      newest_at: newest.created_at,
      newest_id: newest.id,
      contact_identity_id: (said && wrote_as.get(said)) ?? null,
      keeps_address: !said,
      ...chosen,
    });
    if (usable && begins) reopened.add(id);
  }

  const states = await hear(batch.tx, known, fresh);
  await rate(batch.tx, ratings);
  const begun = new Set(fresh.map(({ id }) => id));
  for (const { organization_id, contact, whatsapp_number_id, auto_replies, messages } of threads) {
    if (contact.is_blocked) continue;
    const { conversation_id } = messages[0];
    const happened = { organization_id, conversation_id, user_id: null };
    if (begun.has(conversation_id)) batch.tx.tell('conversation.created', happened);
    else if (reopened.has(conversation_id)) {
      const previous_status = found.get(`${contact.id} ${whatsapp_number_id}`)?.status ?? ConversationStatus.closed;
      batch.tx.tell('conversation.reopened', { ...happened, status: ConversationStatus.open, previous_status });
    }
    if (auto_replies)
      batch.tx.tell('conversation.addressed', {
        organization_id,
        conversation_id,
        contact_id: contact.id,
        whatsapp_number_id,
        is_new: begun.has(conversation_id),
        written_at: messages[messages.length - 1].created_at,
      });
  }
  await enterQueues(batch.tx, wishes);
  return new Map(states.map(({ contact_id: _c, whatsapp_number_id: _n, ...state }) => [state.id, state]));
}

const newestOf = (messages: readonly Message[]): Message | undefined =>
  messages.reduce<Message | undefined>((a, b) => (a && a.created_at > b.created_at ? a : b), undefined);

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
    thumbnail_url: null,
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
