import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import type { Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import { Conversation, ConversationStatus } from '../conversation.entity';
import type { ConversationTransfer, Transfer } from '../transfer.dto';
import { choosePlaces } from './line';
import { assertActive, assign, move } from './moves';
import { enterQueue, setDepartment } from './queueing';

/** So many are remembered of a conversation, the newest. */
const REMEMBERED = 50;

/** Where to, once what is named was found. */
type Arrival = Pick<Transfer, 'to_agent_id' | 'to_department_id' | 'to_queue_id'>;

/**
 * Passes it on to an agent, or to wait in a department or a queue: parked, and its bot silent. What is there already stays as it is. It is locked.
 * @throws {Conflict} conversation_not_active. @throws {NotFound} @throws {Invalid}
 */
export async function transfer(tx: Tx, actor: Actor, conversation: Conversation, target: ConversationTransfer): Promise<void> {
  const { to_agent_id, department_id, queue_id, note } = target;
  if (!to_agent_id && !department_id && !queue_id)
    throw Invalid.field('to_agent_id', 'Give to_agent_id, department_id or queue_id', undefined, 'missing');
  assertActive(conversation);
  const arrival = to_agent_id ? await toAgent(tx, actor, conversation, to_agent_id, target) : await toLine(tx, actor, conversation, target);
  if (!arrival) return;
  const { organization_id, user_id } = actor;
  const { id: conversation_id, current_agent_id: from_agent_id, department_id: from_department_id } = conversation;
  const done: Transfer = {
    from_agent_id,
    from_department_id,
    ...arrival,
    note: note?.trim() || null,
    transferred_by: user_id,
    transferred_at: new Date(),
  };
  await new TenantRepository(tx, Conversation).patch(actor, conversation_id, {
    transfers: [...conversation.transfers, done].slice(-REMEMBERED),
  });
  tx.tell('conversation.transferred', { organization_id, conversation_id, user_id, transfer: done });
}

/** null: it is theirs, and the department's. */
async function toAgent(
  tx: Tx,
  actor: Actor,
  conversation: Conversation,
  to_agent_id: string,
  { department_id, queue_id }: ConversationTransfer,
): Promise<Arrival | null> {
  const to_department_id = queue_id ? await departmentOf(tx, actor, conversation, { queue_id, department_id }) : department_id;
  const is_elsewhere = !!to_department_id && to_department_id !== conversation.department_id;
  if (conversation.current_agent_id === to_agent_id && !is_elsewhere) return null;
  if (is_elsewhere) await setDepartment(tx, actor, conversation, to_department_id);
  await assign(tx, actor, conversation, to_agent_id, { is_transfer: true });
  return { to_agent_id, to_department_id: to_department_id ?? conversation.department_id, to_queue_id: null };
}

/** The agent wins over the queue, which only says whose it becomes. */
async function departmentOf(
  tx: Tx,
  { organization_id }: Actor,
  { id: conversation_id, whatsapp_number_id }: Conversation,
  named: { queue_id: string; department_id?: string },
): Promise<string | undefined> {
  const wish = { organization_id, conversation_id, is_vip: false, named, whatsapp_number_id, last_queue_id: null };
  return (await choosePlaces(tx, [wish]))[0]?.department_id;
}

/** null: it waits in that queue. */
async function toLine(
  tx: Tx,
  actor: Actor,
  conversation: Conversation,
  { department_id, queue_id }: ConversationTransfer,
): Promise<Arrival | null> {
  const { id: conversation_id, current_agent_id: previous_agent_id, queue_id: last_queue_id, is_bot_active } = conversation;
  // Twice is once: it keeps its place.
  if (!previous_agent_id && queue_id && queue_id === last_queue_id && !department_id) return null;
  await move(tx, actor, conversation, ConversationStatus.pending, {
    is_bot_active: false,
    ...(is_bot_active && { handoff_at: new Date() }),
  });
  const place = await enterQueue(tx, actor, conversation, { queue_id, department_id });
  const { organization_id, user_id } = actor;
  if (previous_agent_id) tx.tell('conversation.assigned', { organization_id, conversation_id, user_id, agent_id: null, previous_agent_id });
  return { to_agent_id: null, to_department_id: place?.department_id ?? null, to_queue_id: place?.queue_id ?? null };
}
