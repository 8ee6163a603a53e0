import { isDeepStrictEqual } from 'node:util';
import { matchKey } from '#common/phone';
import type {
  Echo,
  InboundEdit,
  InboundReaction,
  InboundRevoke,
  InboundSystem,
  Origin,
  Presence,
  ProfileUpdate,
  UserIdUpdate,
  UserPreference,
} from '#modules/whatsapp/parsed-change';
import { Message, MessageDirection, type MessageReaction, MessageStatus, MessageType, SenderType } from '../messages/message.entity';
import type { MessageChange } from '../conversations.events';
import { presentMessage } from '../messages/message.dto';
import { newMessage } from '../messages/new-message';
import { react } from '../messages/reactions';
import { echo, hearReaction, newestOf } from '../state/traffic';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import type { Batch, Item } from './batch';
import { ownMessage } from './own-echo';
import { park, parkPoison } from './parking';
import { applyStatuses } from './statuses';
import { changeIdentity } from '#modules/contacts/change-identity';
import { learnProfile } from '#modules/contacts/learn-profile';
import { type Sighting, findIdentities, findPerson, keysOf, resolvePeople } from '#modules/contacts/resolve-people';
import { expectMedia, linkReplies, mediaOf } from './threads';

type Target = InboundReaction | InboundEdit | InboundRevoke;

/** What of its message each of them changes. */
const CHANGES = { reaction: 'reaction', edit: 'edited', revoke: 'deleted' } as const satisfies Record<Target['kind'], MessageChange>;

const targetOf = (change: Target): string => (change.kind === 'reaction' ? change.target_provider_id : change.original_provider_id);

/**
 * Reaction, edit or revoke: changes the message it speaks of, or waits for it. `from_us`: typed on the business's own phone.
 * Only who wrote a message edits or revokes it; what somebody else asks is set aside.
 */
export async function applyToMessage(batch: Batch, item: Item<Target | Echo>, change: Target): Promise<void> {
  const { number } = item;
  const from_us = item.change.kind === 'echo';
  const [found] = await batch.rows<Message & { contact_is_blocked: boolean; contact_match_key: string | null }>(
    prepared(`SELECT ${new TenantRepository(batch.tx, Message).columnsOf('m')}, c.is_blocked AS contact_is_blocked, c.match_key AS contact_match_key
       FROM messages m JOIN contacts c ON c.organization_id = m.organization_id AND c.id = m.contact_id
      WHERE m.organization_id = $1 AND m.whatsapp_number_id = $2 AND m.whatsapp_message_id = $3 FOR NO KEY UPDATE OF m`),
    [number.organization_id, number.id, targetOf(change)],
  );
  if (!found) return park(batch, [{ item, waits_for: targetOf(change) }]);
  const { contact_is_blocked, contact_match_key, ...message } = found;
  if (change.kind !== 'reaction') {
    const written = message.direction === (from_us ? MessageDirection.outgoing : MessageDirection.incoming);
    if (!written || !(await isOfContact(batch, item, change, message, contact_match_key)))
      return parkPoison(batch, [{ item, error: 'not by who wrote the message' }]);
  }
  if (change.kind === 'reaction') message.reactions = reactIn(message.reactions, change, from_us ? 'business' : 'contact');
  else if (change.kind === 'revoke') {
    if (change.doubtful && message.edited_at && change.timestamp.getTime() - message.edited_at.getTime() < JUST_EDITED_MS) return;
    message.is_deleted = true;
  } else if (!edit(message, change)) return;
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
  batch.tx.tell('message.updated', {
    organization_id: message.organization_id,
    message: presentMessage(message),
    change: CHANGES[change.kind],
  });
}

const JUST_EDITED_MS = 60_000;

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

/** One told late changes nothing, nor does the one that stands there: an echo of ours says less of it. */
function reactIn(reactions: MessageReaction[], { emoji, timestamp }: InboundReaction, from: MessageReaction['from']): MessageReaction[] {
  const at = timestamp.toISOString();
  if (reactions.some((reaction) => reaction.from === from && (reaction.at > at || reaction.emoji === emoji))) return reactions;
  return react(reactions, { from, emoji: emoji ?? '', at });
}

/** Keeps both versions, the newest on top; false when this one is known (the provider repeats). */
function edit(message: Message, { content, payload, timestamp }: InboundEdit): boolean {
  const versions = message.earlier_versions ?? [];
  const told = timestamp.getTime();
  // Told twice, with two times.
  if (message.edited_at && message.content === content && isDeepStrictEqual(message.payload, payload)) return false;
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

/** BSUIDs count within the portfolio of the number's account. */
const portfolioOf = ({ number }: Pick<Item, 'number'>): { organization_id: string; portfolio_id: string } => ({
  organization_id: number.organization_id,
  portfolio_id: number.waba_id ?? '',
});

/** Whom an item names, and when; a provider that tells no time tells it at once. */
const personOf = ({
  number,
  change: { ids, timestamp },
}: {
  number: Item['number'];
  change: Pick<Sighting, 'ids'> & { timestamp?: Date | null };
}): Pick<Sighting, 'organization_id' | 'portfolio_id' | 'ids' | 'seen_at'> => ({
  ...portfolioOf({ number }),
  ids,
  seen_at: timestamp ?? new Date(),
});

/** A system message: kept as a row; a changed number or id moves the person's names. */
export async function applySystem(batch: Batch, item: Item<InboundSystem>): Promise<void> {
  const { change } = item;
  if (change.system_type === 'user_changed_number' || change.system_type === 'user_changed_user_id')
    await changeIdentity(batch.tx, portfolioOf(item), change, { may_merge: change.system_type === 'user_changed_user_id' });
  if (!change.ids.phone && !change.ids.bsuid && !change.ids.parent_bsuid) return;
  await fileQuietly(batch, item, { message_type: MessageType.system, content: change.content, payload: change.payload });
}

/** A row in the newest conversation of the person, without unread, window or reopening; nobody writes, so nothing is made for it. */
async function fileQuietly(
  batch: Batch,
  { number, change }: Item<InboundSystem>,
  row: Pick<Message, 'message_type' | 'content' | 'payload'>,
): Promise<void> {
  const contact_id = await findPerson(batch, personOf({ number, change }));
  if (!contact_id) return;
  const conversation_id = await newestOf(batch, number.organization_id, contact_id, number.id);
  if (!conversation_id) return;
  if (await isStored(batch, number, change.provider_id)) return;
  await new TenantRepository(batch.tx, Message).insertAll([
    newMessage({
      ...row,
      organization_id: number.organization_id,
      conversation_id,
      contact_id,
      whatsapp_number_id: number.id,
      direction: MessageDirection.incoming,
      sender_type: SenderType.system,
      status: MessageStatus.received,
      whatsapp_message_id: change.provider_id,
      created_at: change.timestamp,
    }),
  ]);
}

async function isStored(batch: Batch, { organization_id, id }: Item['number'], provider_id: string): Promise<boolean> {
  const [stored] = await batch.rows(
    prepared('SELECT 1 FROM messages WHERE organization_id = $1 AND whatsapp_number_id = $2 AND whatsapp_message_id = $3'),
    [organization_id, id, provider_id],
  );
  return stored !== undefined;
}

/** user_id_update: the same move, told without a message. */
export async function applyUserId(batch: Batch, item: Item<UserIdUpdate>): Promise<void> {
  await changeIdentity(batch.tx, portfolioOf(item), item.change, { may_merge: true });
}

/** A message of ours that left, told by its echo. */
const NO_STATUS = {
  kind: 'status',
  status: 'sent',
  raw_status: 'echo',
  ids: {},
  profile_name: null,
  username: null,
  group_id: null,
} as const;

const originOf = ({ phone_number_id, waba_id, field, path }: Origin): Origin => ({ phone_number_id, waba_id, field, path });

/** Typed on the business's own phone: an outgoing message of the thread, or a change of one. Opens no window, is nobody's unread. */
export async function applyEcho(batch: Batch, item: Item<Echo>): Promise<Message[]> {
  const { event } = item.change;
  if (event.kind !== 'message') {
    await applyToMessage(batch, item, event);
    return [];
  }
  const { number } = item;
  if (await isStored(batch, number, event.provider_id)) return [];
  const own = await ownMessage(batch, item, event);
  if (own) {
    const { provider_id, timestamp } = event;
    await applyStatuses(batch, [{ ...item, change: { ...NO_STATUS, ...originOf(event), provider_id, timestamp, callback_data: own } }]);
    return [];
  }
  const [{ contact }] = await resolvePeople(batch.tx, batch.contacts, [
    {
      organization_id: number.organization_id,
      portfolio_id: number.waba_id ?? '',
      ids: event.ids,
      profile_name: event.profile_name,
      username: event.username,
      seen_at: event.timestamp,
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
  await new TenantRepository(batch.tx, Message).insertAll([message]);
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
  const contact_id = await findPerson(batch, personOf({ number, change }));
  if (contact_id) await batch.contacts.consent(batch.tx, number.organization_id, contact_id, change.opt_in);
}

/** How a person shows themselves by now. */
export async function applyProfile(batch: Batch, item: Item<ProfileUpdate>): Promise<void> {
  const { profile_name: whatsapp_name, avatar_url } = item.change;
  await learnProfile(batch.tx, batch.contacts, { ...personOf(item), whatsapp_name, avatar_url });
}

/** A person writes to us at this moment: told to those who look, kept nowhere. */
export async function applyPresence(batch: Batch, item: Item<Presence>): Promise<void> {
  const { number, change } = item;
  // Told late, it is over.
  if (Date.now() - change.timestamp.getTime() > PRESENCE_MS) return;
  const contact_id = await findPerson(batch, personOf(item));
  const conversation_id = contact_id && (await newestOf(batch, number.organization_id, contact_id, number.id));
  if (!conversation_id) return;
  const [contact] = await batch.rows<{ name: string | null; is_blocked: boolean }>(
    prepared('SELECT coalesce(name, whatsapp_name) AS name, is_blocked FROM contacts WHERE organization_id = $1 AND id = $2'),
    [number.organization_id, contact_id],
  );
  if (!contact || contact.is_blocked) return;
  batch.tx.tell('contact.typing', {
    organization_id: number.organization_id,
    conversation_id,
    contact_id,
    contact_name: contact.name,
    typing: change.typing,
  });
}

const PRESENCE_MS = 30_000;
