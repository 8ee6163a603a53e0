import type { SelectQueryBuilder } from 'typeorm';
import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import { countConversations } from '#modules/contacts/contact-counters';
import { Contact } from '#modules/contacts/contact.entity';
import { User, mayAnswer } from '#modules/users/user.entity';
import { Conversation, ConversationPriority, ConversationStatus } from '../conversation.entity';
import { activeRow } from './active';
import { VIP_PRIORITY } from './queueing';

/** Who is to answer a conversation that begins or comes back to life. */
export interface Route {
  current_agent_id: string | null;
  queue_priority: number;
}

/** What a route is chosen by: plain data, no queries. */
export interface Routed {
  contact: Pick<Contact, 'is_vip'>;
  /** What it was given before, or is given now; default: medium. */
  priority?: ConversationPriority;
  /** Who had it last and may still answer. */
  last_agent_id: string | null;
}

export const QUEUE_PRIORITY: Record<ConversationPriority, number> = { low: 10, medium: 50, high: 80, urgent: 100 };

/** VIPs come first. Whoever had it keeps it; else it waits for somebody to take it: in a queue, where `enterQueues` finds one. */
export const route = ({ contact, priority = ConversationPriority.medium, last_agent_id }: Routed): Route => ({
  current_agent_id: last_agent_id,
  queue_priority: contact.is_vip ? VIP_PRIORITY : QUEUE_PRIORITY[priority],
});

/** The route of one that somebody brings back to life. */
export async function routeAgain(tx: Tx, actor: Actor, { contact_id, current_agent_id, priority }: Conversation): Promise<Route> {
  const contact = await new TenantRepository(tx, Contact).get(actor, contact_id);
  const last = current_agent_id && (await new TenantRepository(tx, User).find(actor, current_agent_id));
  return route({ contact, priority, last_agent_id: last && mayAnswer(last) ? last.id : null });
}

const REOPEN_HOURS_DEFAULT = 24;

/** Whether a new message of the contact goes on with an earlier conversation; one closed long ago stays closed. */
export function isRevivable(
  { status, closed_at }: Pick<Conversation, 'status' | 'closed_at'>,
  reopen_hours: number | null,
  now = Date.now(),
): boolean {
  if (status !== ConversationStatus.closed) return true;
  return closed_at !== null && now - closed_at.getTime() <= (reopen_hours ?? REOPEN_HOURS_DEFAULT) * 3600_000;
}

/** The contact's live conversation on this number, else a new one that inherits the pair's window and address. The contact is locked. */
export async function open(tx: Tx, actor: Actor, contact: Contact, whatsapp_number_id: string | null): Promise<Conversation> {
  const conversations = new TenantRepository(tx, Conversation);
  const mine = onNumber(conversations, actor, contact.id, whatsapp_number_id);
  const live = await mine.clone().andWhere(activeRow('c')).orderBy('c.created_at', 'DESC').setLock('for_no_key_update').getOne();
  if (live) return live;
  const before = await mine
    .select('max(c.window_expires_at)', 'window')
    .addSelect('(array_agg(c.contact_identity_id ORDER BY c.last_incoming_at DESC NULLS LAST))[1]', 'address')
    .getRawOne<{ window: Date | null; address: string | null }>();
  const { organization_id, user_id } = actor;
  const created = await conversations.insert(actor, {
    contact_id: contact.id,
    whatsapp_number_id,
    window_expires_at: before?.window ?? null,
    contact_identity_id: before?.address ?? null,
    ...route({ contact, last_agent_id: null }),
  });
  await countConversations(tx, [{ organization_id, contact_id: contact.id, count: 1 }]);
  tx.tell('conversation.created', { organization_id, conversation_id: created.id, user_id });
  return created;
}

/** One live conversation per contact and number, or without one. The contact is locked. @throws {Conflict} conversation_already_open, naming it. */
export async function refuseSecond(tx: Tx, actor: Actor, contact_id: string, whatsapp_number_id: string | null): Promise<void> {
  const other = await onNumber(new TenantRepository(tx, Conversation), actor, contact_id, whatsapp_number_id)
    .andWhere(activeRow('c'))
    .getOne();
  const where = whatsapp_number_id ? 'on this number' : 'without a number';
  if (other)
    throw new Conflict('conversation_already_open', `This contact has a live conversation ${where} already.`, {
      details: [{ loc: ['body', 'contact_id'], msg: 'already open', type: 'conversation_already_open', existing_id: other.id }],
    });
}

/** A contact's conversations `c` on a number; null: those that have none yet. */
const onNumber = (
  conversations: TenantRepository<Conversation>,
  actor: Actor,
  contact_id: string,
  number: string | null,
): SelectQueryBuilder<Conversation> =>
  conversations
    .query(actor, 'c')
    .andWhere('c.contact_id = :contact_id', { contact_id })
    .andWhere(number ? 'c.whatsapp_number_id = :number' : 'c.whatsapp_number_id IS NULL', { number });
