import { matchKey } from '#common/phone';
import { newId } from '#common/uuid';
import { mergeContacts } from '#modules/contacts/merge-contacts';
import type {
  AccountEvent,
  Echo,
  InboundEdit,
  InboundReaction,
  InboundRevoke,
  InboundSystem,
  TemplateEvent,
  UserIdUpdate,
  UserPreference,
  ValueErrors,
} from '#modules/whatsapp/meta/parse-webhook';
import { type ChangedNumber, tellNumber } from '#modules/whatsapp/numbers/tell-number';
import type { Template } from '#modules/whatsapp/templates/template.entity';
import '#modules/whatsapp/templates/templates.events';
import type { PersonIds } from '#modules/whatsapp/meta/person-ids';
import { type Message, MessageDirection, type MessageReaction, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import { presentMessage } from '../messages/message.dto';
import { newMessage } from '../messages/new-message';
import { echo, hearReaction, newestOf } from '../state/traffic';
import { prepared } from '#database/sql';
import { type Batch, type Item, Raced, asRows } from './batch';
import { park, parkPoison } from './parking';
import { findIdentities, keysOf, resolvePeople } from './people';
import { expectMedia, insertMessages, linkReplies, mediaOf } from './threads';

type Target = InboundReaction | InboundEdit | InboundRevoke;

const targetOf = (change: Target): string => (change.kind === 'reaction' ? change.target_provider_id : change.original_provider_id);

/**
 * Reaction, edit or revoke: changes the message it speaks of, or waits for it. `from_us`: typed on the business's own phone.
 * Only who wrote a message edits or revokes it; what somebody else asks is set aside.
 */
export async function applyToMessage(batch: Batch, item: Item<Target | Echo>, change: Target): Promise<void> {
  const { number } = item;
  const from_us = item.change.kind === 'echo';
  const [found] = await batch.rows<Message & { contact_is_blocked: boolean; contact_match_key: string | null }>(
    prepared(`SELECT m.*, c.is_blocked AS contact_is_blocked, c.match_key AS contact_match_key FROM messages m JOIN contacts c ON c.organization_id = m.organization_id AND c.id = m.contact_id
      WHERE m.organization_id = $1 AND m.whatsapp_number_id = $2 AND m.whatsapp_message_id = $3 FOR UPDATE OF m`),
    [number.organization_id, number.id, targetOf(change)],
  );
  if (!found) return park(batch, [{ item, waits_for: targetOf(change) }]);
  const { contact_is_blocked, contact_match_key, ...message } = found;
  if (change.kind !== 'reaction') {
    const written = message.direction === (from_us ? MessageDirection.outgoing : MessageDirection.incoming);
    if (!written || !(await isOfContact(batch, item, change, message, contact_match_key)))
      return parkPoison(batch, [{ item, error: 'not by who wrote the message' }]);
  }
  if (change.kind === 'reaction') message.reactions = react(message.reactions, change, from_us ? 'business' : 'contact');
  else if (change.kind === 'revoke') message.is_deleted = true;
  else if (!edit(message, change)) return;
  await batch.rows(
    prepared(`UPDATE messages SET reactions = $3, is_deleted = $4, content = $5, payload = $6, edited_at = $7, earlier_versions = $8, updated_at = now()
      WHERE organization_id = $1 AND id = $2`),
    [
      message.organization_id,
      message.id,
      JSON.stringify(message.reactions),
      message.is_deleted,
      message.content,
      JSON.stringify(message.payload),
      message.edited_at,
      message.earlier_versions && JSON.stringify(message.earlier_versions),
    ],
  );
  if (change.kind === 'reaction' && !from_us) await hearReaction(batch, message, change.timestamp);
  // Inbound from a blocked contact is kept silently.
  if (contact_is_blocked && !from_us) return;
  batch.tx.tell('message.updated', { organization_id: message.organization_id, message: presentMessage(message) });
}

/** Whether a change names the person of the message's thread, by any of their names. A deleted contact has none left but its number. */
async function isOfContact(
  batch: Batch,
  { number }: Item,
  { ids }: Target,
  { organization_id, contact_id }: Message,
  match_key: string | null,
): Promise<boolean> {
  if (ids.phone && matchKey(ids.phone) === match_key) return true;
  const known = await findIdentities(batch, keysOf({ organization_id, portfolio_id: number.waba_id ?? '', ids }));
  return [...known.values()].some((identity) => identity.contact_id === contact_id);
}

/** One reaction a side; an empty one takes it back; one told late changes nothing. */
function react(reactions: MessageReaction[], { emoji, timestamp }: InboundReaction, from: MessageReaction['from']): MessageReaction[] {
  const others = reactions.filter((reaction) => reaction.from !== from);
  if (reactions.some((reaction) => reaction.from === from && reaction.at > timestamp.toISOString())) return reactions;
  return emoji ? [...others, { from, emoji, at: timestamp.toISOString() }] : others;
}

/** Keeps both versions, the newest on top; false when this one is known (the provider repeats). */
function edit(message: Message, { content, payload, timestamp }: InboundEdit): boolean {
  const versions = message.earlier_versions ?? [];
  const told = timestamp.getTime();
  if (
    message.edited_at?.getTime() === told ||
    versions.some((version) => version.edited_at && +new Date(version.edited_at as string) === told)
  )
    return false;
  const late = message.edited_at !== null && message.edited_at > timestamp;
  const earlier = late
    ? { content, payload, edited_at: timestamp }
    : { content: message.content, payload: message.payload, edited_at: message.edited_at };
  message.earlier_versions = [...versions, earlier].slice(-20);
  if (!late) Object.assign(message, { content, payload, edited_at: timestamp });
  return true;
}

/** A system message: kept as a row; a changed number or id moves the person's names. */
export async function applySystem(batch: Batch, item: Item<InboundSystem>): Promise<void> {
  const { change } = item;
  if (change.system_type === 'user_changed_number' || change.system_type === 'user_changed_user_id')
    await moveIdentity(batch, item, change.old_ids, change.new_ids, change.system_type === 'user_changed_user_id');
  if (!change.ids.phone && !change.ids.bsuid && !change.ids.parent_bsuid) return;
  await fileQuietly(batch, item, { message_type: MessageType.system, content: change.content, payload: change.payload });
}

/** A row in the newest conversation of the person, without unread, window or reopening; nobody writes, so nothing is made for it. */
async function fileQuietly(
  batch: Batch,
  { number, change }: Item<InboundSystem>,
  row: Pick<Message, 'message_type' | 'content' | 'payload'>,
): Promise<void> {
  const keys = keysOf({ organization_id: number.organization_id, portfolio_id: number.waba_id ?? '', ids: change.ids });
  const [known] = (await findIdentities(batch, keys)).values();
  if (!known) return;
  const conversation_id = await newestOf(batch, number.organization_id, known.contact_id, number.id);
  if (!conversation_id) return;
  const [stored] = await batch.rows(
    'SELECT 1 FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3',
    [number.organization_id, number.id, change.provider_id],
  );
  if (stored) return;
  await insertMessages(batch, [
    newMessage({
      ...row,
      organization_id: number.organization_id,
      conversation_id,
      contact_id: known.contact_id,
      whatsapp_number_id: number.id,
      direction: MessageDirection.incoming,
      sender_type: SenderType.system,
      status: MessageStatus.received,
      whatsapp_message_id: change.provider_id,
      created_at: change.timestamp,
    }),
  ]);
}

/** user_id_update: the same move, told without a message. */
export async function applyUserId(batch: Batch, item: Item<UserIdUpdate>): Promise<void> {
  await moveIdentity(batch, item, item.change.old_ids, item.change.new_ids, true);
}

/** The person of the old names has the new ones from now on; the old stay resolvable for late webhooks, inactive for sending. */
async function moveIdentity(batch: Batch, { number }: Item, old_ids: PersonIds, new_ids: PersonIds, may_merge: boolean): Promise<void> {
  const { organization_id } = number;
  const portfolio_id = number.waba_id ?? '';
  const known = await findIdentities(batch, [
    ...keysOf({ organization_id, portfolio_id, ids: old_ids }),
    ...keysOf({ organization_id, portfolio_id, ids: new_ids }),
  ]);
  const of = (ids: PersonIds): string | undefined =>
    keysOf({ organization_id, portfolio_id, ids })
      .map((key) => known.get(`${key.organization_id} ${key.portfolio_id} ${key.kind} ${key.value}`)?.contact_id)
      .find((id) => id !== undefined);
  const before = of(old_ids);
  const after = of(new_ids);
  if (!before) return;
  let contact_id = before;
  if (after && after !== before) {
    // A number says less than an id: who has it by now may be somebody else (contract 20, 7.4).
    if (!may_merge) return;
    const gone = before < after ? after : before;
    contact_id = before < after ? before : after;
    if (!(await mergeContacts(batch, organization_id, contact_id, gone))) throw new Raced('a contact of a merge is gone');
    batch.contacts.merged(batch.tx, organization_id, contact_id, gone);
  }
  const fresh = keysOf({ organization_id, portfolio_id, ids: new_ids });
  // Those told, and those a new one of the same kind takes the place of.
  await batch.rows(
    `UPDATE contact_identities i SET is_active = false, updated_at = now()
       FROM json_to_recordset($3) AS k(portfolio_id text, kind text, value text, is_new boolean)
      WHERE i.organization_id = $1 AND i.contact_id = $2 AND i.is_active AND i.portfolio_id = k.portfolio_id AND i.kind = k.kind AND (i.value <> k.value) = k.is_new`,
    [
      organization_id,
      contact_id,
      asRows([
        ...keysOf({ organization_id, portfolio_id, ids: old_ids }).map((key) => ({ ...key, is_new: false })),
        ...fresh.map((key) => ({ ...key, is_new: true })),
      ]),
    ],
  );
  await batch.rows(
    `INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id)
     SELECT k.id, $1, k.portfolio_id, k.kind, k.value, $2 FROM json_to_recordset($3) AS k(id uuid, portfolio_id text, kind text, value text)
     ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE
       SET contact_id = excluded.contact_id, is_active = true, last_seen_at = now(), updated_at = now()`,
    [organization_id, contact_id, asRows(fresh.map((key) => ({ ...key, id: newId() })))],
  );
  const { phone } = new_ids;
  await batch.rows(
    `UPDATE contacts SET whatsapp_id = coalesce($3, whatsapp_id), wa_id = coalesce($4, wa_id), match_key = coalesce($5, match_key),
            whatsapp_user_id = coalesce($6, whatsapp_user_id), updated_at = now()
      WHERE organization_id = $1 AND id = $2`,
    [organization_id, contact_id, phone ?? null, phone?.slice(1) ?? null, phone ? matchKey(phone) : null, new_ids.bsuid ?? null],
  );
}

/** Typed on the business's own phone: an outgoing message of the thread, or a change of one. Opens no window, is nobody's unread. */
export async function applyEcho(batch: Batch, item: Item<Echo>): Promise<Message[]> {
  const { event } = item.change;
  if (event.kind !== 'message') {
    await applyToMessage(batch, item, event);
    return [];
  }
  const { number } = item;
  const [stored] = await batch.rows(
    'SELECT 1 FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3',
    [number.organization_id, number.id, event.provider_id],
  );
  if (stored) return [];
  const [contact] = await resolvePeople(batch, [
    {
      organization_id: number.organization_id,
      portfolio_id: number.waba_id ?? '',
      ids: event.ids,
      profile_name: event.profile_name,
      username: event.username,
      message_at: null,
      from_ad: false,
    },
  ]);
  const message = newMessage({
    organization_id: number.organization_id,
    conversation_id: '',
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    direction: MessageDirection.outgoing,
    sender_type: SenderType.device,
    message_type: event.message_type as MessageType,
    content: event.content,
    payload: event.payload,
    media: mediaOf(event),
    status: MessageStatus.sent,
    whatsapp_message_id: event.provider_id,
    forwarded: event.forwarded,
    sent_at: event.timestamp,
    created_at: event.timestamp,
  });
  const { conversation, is_new } = await echo(batch.tx, message);
  message.conversation_id = conversation.id;
  if (event.reply_to_provider_id) await linkReplies(batch, [{ message, provider_id: event.reply_to_provider_id }], new Map());
  await insertMessages(batch, [message]);
  await expectMedia(batch, [{ message, media: event.media }]);
  const { organization_id, conversation_id } = message;
  if (is_new) batch.tx.tell('conversation.created', { organization_id, conversation_id, user_id: null });
  const { id, name, whatsapp_name, username, whatsapp_id, is_vip } = contact;
  batch.tx.tell('message.created', {
    organization_id: message.organization_id,
    message: presentMessage(message),
    contact: { id, name, whatsapp_name, username, whatsapp_id, is_vip },
    conversation,
  });
  return [message];
}

/** The customer told WhatsApp: no more (or again) marketing from this business. */
export async function applyPreference(batch: Batch, { number, change }: Item<UserPreference>): Promise<void> {
  if (change.opt_in === null) return;
  const keys = keysOf({ organization_id: number.organization_id, portfolio_id: number.waba_id ?? '', ids: change.ids });
  const [known] = (await findIdentities(batch, keys)).values();
  if (!known) return;
  const { opt_in } = change;
  const [changed] = await batch.rows(
    `UPDATE contacts SET opt_in = $3, opt_in_date = CASE WHEN $3 THEN now() END, opt_out_date = CASE WHEN NOT $3 THEN now() END, updated_at = now()
      WHERE organization_id = $1 AND id = $2 AND opt_in <> $3 AND deleted_at IS NULL RETURNING id`,
    [number.organization_id, known.contact_id, opt_in],
  );
  if (changed) await batch.contacts.consented(batch.tx, number.organization_id, known.contact_id, opt_in);
}

/** A template's verdict counts for all numbers of its account. */
export async function applyTemplate(batch: Batch, { number, change }: Item<TemplateEvent>): Promise<void> {
  const { organization_id } = number;
  const changed = await batch.rows<Template & { previous_status: string }>(
    `WITH before AS (
       SELECT t.id, t.status AS previous_status FROM whatsapp_templates t JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = t.whatsapp_number_id
        WHERE t.organization_id = $1 AND n.whatsapp_business_account_id = $2 AND t.deleted_at IS NULL
          AND (t.meta_template_id = $3 OR (t.name = $4 AND replace(t.language, '-', '_') = replace($9, '-', '_')))
        FOR UPDATE OF t)
     UPDATE whatsapp_templates t
        SET status = coalesce($5, t.status), rejected_reason = CASE WHEN $5 IS NULL THEN t.rejected_reason ELSE $6 END,
            category = coalesce($7, t.category), quality_score = coalesce($8, t.quality_score), updated_at = now()
       FROM before WHERE t.organization_id = $1 AND t.id = before.id
     RETURNING t.*, before.previous_status`,
    [
      organization_id,
      change.waba_id,
      change.template_id,
      change.name,
      change.status?.slice(0, 30) ?? null,
      change.rejected_reason?.slice(0, 500) ?? null,
      change.category?.slice(0, 30) ?? null,
      change.quality?.slice(0, 20) ?? null,
      change.language,
    ],
  );
  for (const { previous_status, ...template } of changed)
    if (template.status !== previous_status) batch.tx.tell('template.status_updated', { organization_id, template, previous_status });
  // Meta tells that its text changed, not how.
  if (change.change === 'components')
    for (const whatsapp_number_id of new Set(changed.map((template) => template.whatsapp_number_id)))
      batch.tx.tell('whatsapp_number.templates_changed', { organization_id, whatsapp_number_id });
}

/** What Meta says of an account or a number. */
export async function applyAccount(batch: Batch, { number, change }: Item<AccountEvent>): Promise<void> {
  const one = change.display_phone_number !== null;
  const changed = await batch.rows<ChangedNumber>(
    `WITH before AS (
       SELECT id, connection_status AS previous_status FROM whatsapp_numbers
        WHERE organization_id = $1 AND whatsapp_business_account_id = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR phone_number = '+' || $3)
        FOR UPDATE)
     UPDATE whatsapp_numbers n
        SET messaging_limit_tier = coalesce($4, messaging_limit_tier), display_name = coalesce($5, display_name),
            connection_status = CASE WHEN $6 = 'bad' THEN 'error' WHEN $6 = 'good' AND connection_status = 'error' THEN 'connected' ELSE connection_status END,
            last_error = CASE WHEN $6 = 'bad' THEN $7 ELSE last_error END, updated_at = now()
       FROM before WHERE n.organization_id = $1 AND n.id = before.id
     RETURNING n.*, before.previous_status`,
    [
      number.organization_id,
      change.waba_id,
      one ? change.display_phone_number : null,
      change.messaging_limit_tier?.slice(0, 30) ?? null,
      one ? change.display_name : null,
      change.standing,
      `Meta: ${change.event ?? change.field}`.slice(0, 500),
    ],
  );
  if (!change.messaging_limit_tier && !change.display_name && !change.standing) return;
  for (const row of changed) tellNumber(batch.tx, row);
}

export async function applyErrors(batch: Batch, { number, change }: Item<ValueErrors>): Promise<void> {
  const [error] = change.errors;
  const words = error ? [error.code, error.title, error.details ?? error.message].filter(Boolean).join(' ') : 'error';
  await batch.rows('UPDATE whatsapp_numbers SET last_error = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
    number.organization_id,
    number.id,
    words.slice(0, 500),
  ]);
}
