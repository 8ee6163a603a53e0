import type { EventBus } from '#common/events';
import { matchKey } from '#common/phone';
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
import type { PersonIds } from '#modules/whatsapp/meta/person-ids';
import { type Message, MessageDirection, type MessageReaction, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import { presentMessage } from '../messages/message.dto';
import { newMessage } from '../messages/new-message';
import type { Batch, Item } from './batch';
import { park } from './parking';
import { findIdentities, keysOf, resolvePeople } from './people';
import { insertMessages } from './threads';

type Target = InboundReaction | InboundEdit | InboundRevoke;

const targetOf = (change: Target): string => (change.kind === 'reaction' ? change.target_provider_id : change.original_provider_id);

/** Reaction, edit or revoke: changes the message it speaks of, or waits for it. `from_us`: typed on the business's own phone. */
export async function applyToMessage(batch: Batch, item: Item<Target>, events: EventBus, from_us = false): Promise<void> {
  const { number, change } = item;
  const [message] = await batch.rows<Message>(
    'lock-target',
    'SELECT * FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3 FOR UPDATE',
    [number.organization_id, number.id, targetOf(change)],
  );
  if (!message) return park(batch, [{ item, waits_for: targetOf(change) }]);
  if (change.kind === 'reaction') message.reactions = react(message.reactions, change, from_us ? 'business' : 'contact');
  else if (change.kind === 'revoke') message.is_deleted = true;
  else {
    const { content, payload, edited_at } = message;
    message.earlier_versions = [...(message.earlier_versions ?? []), { content, payload, edited_at }].slice(-20);
    Object.assign(message, { content: change.content, payload: change.payload, edited_at: change.timestamp });
  }
  await batch.rows(
    'update-target',
    `UPDATE messages SET reactions = $3, is_deleted = $4, content = $5, payload = $6, edited_at = $7, earlier_versions = $8, updated_at = now()
      WHERE organization_id = $1 AND id = $2`,
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
  if (change.kind !== 'revoke' && !from_us) await openWindow(batch, message, change.timestamp);
  batch.effects.push(() => events.emit('message.updated', { organization_id: message.organization_id, message: presentMessage(message) }));
}

/** One reaction a side; an empty one takes it back. */
function react(reactions: MessageReaction[], { emoji, timestamp }: InboundReaction, from: MessageReaction['from']): MessageReaction[] {
  const others = reactions.filter((reaction) => reaction.from !== from);
  return emoji ? [...others, { from, emoji, at: timestamp.toISOString() }] : others;
}

/** A reaction is a message of the customer's too: the window counts from it. */
async function openWindow(batch: Batch, { organization_id, conversation_id }: Message, at: Date): Promise<void> {
  await batch.rows(
    'open-window',
    `UPDATE conversations SET window_expires_at = greatest(window_expires_at, $3::timestamptz + interval '24 hours'), last_incoming_at = greatest(last_incoming_at, $3)
      WHERE organization_id = $1 AND id = $2 AND status IN ('open', 'pending')`,
    [organization_id, conversation_id, at],
  );
}

/** A system message: kept as a row; a changed number or id moves the person's names. */
export async function applySystem(batch: Batch, item: Item<InboundSystem>): Promise<void> {
  const { change } = item;
  if (change.system_type === 'user_changed_number' || change.system_type === 'user_changed_user_id')
    await moveIdentity(batch, item, change.old_ids, change.new_ids);
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
  const [conversation] = await batch.rows<{ id: string }>(
    'newest-conversation',
    `SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = $2 AND whatsapp_number_id = $3 ORDER BY created_at DESC LIMIT 1`,
    [number.organization_id, known.contact_id, number.id],
  );
  if (!conversation) return;
  const [stored] = await batch.query(
    'SELECT 1 FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3',
    [number.organization_id, number.id, change.provider_id],
  );
  if (stored) return;
  await insertMessages(batch, [
    newMessage({
      ...row,
      organization_id: number.organization_id,
      conversation_id: conversation.id,
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
  await moveIdentity(batch, item, item.change.old_ids, item.change.new_ids);
}

/** The person of the old names has the new ones from now on; the old stay resolvable for late webhooks, inactive for sending. */
async function moveIdentity(batch: Batch, { number }: Item, old_ids: PersonIds, new_ids: PersonIds): Promise<void> {
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
  if (after && after !== before)
    await mergeContacts(batch, organization_id, before < after ? before : after, before < after ? after : before);
  const contact_id = after && after < before ? after : before;
  for (const key of keysOf({ organization_id, portfolio_id, ids: old_ids }))
    await batch.query(
      'UPDATE contact_identities SET is_active = false, updated_at = now() WHERE organization_id = $1 AND portfolio_id = $2 AND kind = $3 AND value = $4',
      [key.organization_id, key.portfolio_id, key.kind, key.value],
    );
  if (new_ids.phone)
    await batch.query(
      'UPDATE contacts SET whatsapp_id = $3, wa_id = $4, match_key = $5, updated_at = now() WHERE organization_id = $1 AND id = $2',
      [organization_id, contact_id, new_ids.phone, new_ids.phone.slice(1), matchKey(new_ids.phone)],
    );
  for (const key of keysOf({ organization_id, portfolio_id, ids: new_ids }))
    await batch.query(
      `INSERT INTO contact_identities (id, organization_id, portfolio_id, kind, value, contact_id) VALUES (gen_random_uuid(), $1, $2, $3, $4, $5)
       ON CONFLICT (organization_id, portfolio_id, kind, value) DO UPDATE SET contact_id = excluded.contact_id, is_active = true, updated_at = now()`,
      [key.organization_id, key.portfolio_id, key.kind, key.value, contact_id],
    );
  if (new_ids.bsuid)
    await batch.query('UPDATE contacts SET whatsapp_user_id = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
      organization_id,
      contact_id,
      new_ids.bsuid,
    ]);
}

/** Typed on the business's own phone: an outgoing message of the thread, or a change of one. Opens no window, is nobody's unread. */
export async function applyEcho(batch: Batch, item: Item<Echo>, events: EventBus): Promise<void> {
  const { event } = item.change;
  if (event.kind !== 'message') return applyToMessage(batch, { ...item, change: event }, events, true);
  const { number } = item;
  const [stored] = await batch.query(
    'SELECT 1 FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3',
    [number.organization_id, number.id, event.provider_id],
  );
  if (stored) return;
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
  const [existing] = await batch.query<{ id: string }>(
    `SELECT id FROM conversations WHERE organization_id = $1 AND contact_id = $2 AND whatsapp_number_id = $3
      ORDER BY status IN ('open', 'pending') DESC, created_at DESC LIMIT 1`,
    [number.organization_id, contact.id, number.id],
  );
  const message = newMessage({
    organization_id: number.organization_id,
    conversation_id: existing?.id ?? '',
    contact_id: contact.id,
    whatsapp_number_id: number.id,
    direction: MessageDirection.outgoing,
    sender_type: SenderType.device,
    message_type: event.message_type as MessageType,
    content: event.content,
    payload: event.payload,
    status: MessageStatus.sent,
    whatsapp_message_id: event.provider_id,
    forwarded: event.forwarded,
    sent_at: event.timestamp,
    created_at: event.timestamp,
  });
  const [conversation] = existing
    ? await batch.query<Record<string, never>>(
        `UPDATE conversations SET last_message_id = CASE WHEN last_message_at IS NULL OR $3 >= last_message_at THEN $4 ELSE last_message_id END,
                last_message_at = greatest(last_message_at, $3), last_outgoing_at = greatest(last_outgoing_at, $3), total_messages = total_messages + 1, updated_at = now()
          WHERE organization_id = $1 AND id = $2 RETURNING *`,
        [number.organization_id, existing.id, event.timestamp, message.id],
      )
    : await batch.query<Record<string, never>>(
        `INSERT INTO conversations (id, organization_id, contact_id, whatsapp_number_id, first_message_at, last_message_at, last_outgoing_at, total_messages, last_message_id)
         VALUES (gen_random_uuid(), $1, $2, $3, $4, $4, $4, 1, $5) RETURNING *`,
        [number.organization_id, contact.id, number.id, event.timestamp, message.id],
      );
  message.conversation_id = (conversation as unknown as { id: string }).id;
  await insertMessages(batch, [message]);
  const { id, name, whatsapp_name, username, whatsapp_id, is_vip } = contact;
  batch.effects.push(() =>
    events.emit('message.created', {
      organization_id: message.organization_id,
      message: presentMessage(message),
      contact: { id, name, whatsapp_name, username, whatsapp_id, is_vip },
      conversation: conversation as never,
    }),
  );
}

/** The customer told WhatsApp: no more (or again) marketing from this business. */
export async function applyPreference(batch: Batch, { number, change }: Item<UserPreference>): Promise<void> {
  if (change.opt_in === null) return;
  const keys = keysOf({ organization_id: number.organization_id, portfolio_id: number.waba_id ?? '', ids: change.ids });
  const [known] = (await findIdentities(batch, keys)).values();
  if (!known) return;
  await batch.query(
    `UPDATE contacts SET opt_in = $3, opt_in_date = CASE WHEN $3 THEN now() ELSE opt_in_date END, opt_out_date = CASE WHEN $3 THEN NULL ELSE now() END, updated_at = now()
      WHERE organization_id = $1 AND id = $2 AND opt_in <> $3`,
    [number.organization_id, known.contact_id, change.opt_in],
  );
}

/** A template's verdict counts for all numbers of its account. */
export async function applyTemplate(batch: Batch, { number, change }: Item<TemplateEvent>): Promise<void> {
  await batch.query(
    `UPDATE whatsapp_templates t
        SET status = coalesce($5, t.status), rejected_reason = CASE WHEN $5 IS NULL THEN t.rejected_reason ELSE $6 END,
            category = coalesce($7, t.category), quality_score = coalesce($8, t.quality_score), updated_at = now()
       FROM whatsapp_numbers n
      WHERE t.organization_id = $1 AND n.organization_id = $1 AND n.id = t.whatsapp_number_id AND n.whatsapp_business_account_id = $2 AND t.deleted_at IS NULL
        AND (t.meta_template_id = $3 OR (t.name = $4 AND replace(t.language, '-', '_') = replace($9, '-', '_')))`,
    [
      number.organization_id,
      change.waba_id,
      change.template_id,
      change.name,
      change.status,
      change.rejected_reason,
      change.category,
      change.quality,
      change.language,
    ],
  );
}

/** What Meta says of an account or a number. */
export async function applyAccount(batch: Batch, { number, change }: Item<AccountEvent>): Promise<void> {
  const one = change.display_phone_number !== null;
  await batch.query(
    `UPDATE whatsapp_numbers n
        SET messaging_limit_tier = coalesce($4, messaging_limit_tier), display_name = coalesce($5, display_name),
            connection_status = CASE WHEN $6 = 'bad' THEN 'error' ELSE connection_status END,
            last_error = CASE WHEN $6 = 'bad' THEN $7 ELSE last_error END, updated_at = now()
      WHERE n.organization_id = $1 AND n.whatsapp_business_account_id = $2 AND n.deleted_at IS NULL AND ($3::text IS NULL OR n.phone_number = '+' || $3)`,
    [
      number.organization_id,
      change.waba_id,
      one ? change.display_phone_number : null,
      change.messaging_limit_tier,
      one ? change.display_name : null,
      change.standing,
      `Meta: ${change.event ?? change.field}`.slice(0, 500),
    ],
  );
}

export async function applyErrors(batch: Batch, { number, change }: Item<ValueErrors>): Promise<void> {
  const [error] = change.errors;
  const words = error ? [error.code, error.title, error.details ?? error.message].filter(Boolean).join(' ') : 'error';
  await batch.query('UPDATE whatsapp_numbers SET last_error = $3, updated_at = now() WHERE organization_id = $1 AND id = $2', [
    number.organization_id,
    number.id,
    words.slice(0, 500),
  ]);
}
