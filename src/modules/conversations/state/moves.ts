import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import { prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { Conversation, ConversationStatus } from '../conversation.entity';
import { activeRow, isActive } from './active';
import { refuseSecond, routeAgain } from './opening';
import { enterQueue, queueAgain } from './queueing';
import { planSurvey } from './rating';

/** Contract 20, 3.3: where each status may go. A status to itself is a no-op. */
const MOVES: Record<ConversationStatus, readonly ConversationStatus[]> = {
  open: [ConversationStatus.pending, ConversationStatus.resolved, ConversationStatus.closed],
  pending: [ConversationStatus.open, ConversationStatus.resolved, ConversationStatus.closed],
  resolved: [ConversationStatus.open, ConversationStatus.closed],
  closed: [ConversationStatus.open],
};

/** What coming back to life sets; `REVIVED` says the same of many rows. */
const revived = (now: Date): Partial<Conversation> => ({
  resolved_at: null,
  closed_at: null,
  close_reason: null,
  reopened_at: now,
  is_archived: false,
  archived_at: null,
  csat_due_at: null,
});

/** SQL, of many rows `c`: `revived` where the condition holds. */
export const revivedWhere = (condition: string): string =>
  `status = CASE WHEN ${condition} THEN 'open' ELSE c.status END,
   reopened_at = CASE WHEN ${condition} THEN now() ELSE c.reopened_at END,
   ${['resolved_at', 'closed_at', 'close_reason', 'archived_at', 'csat_due_at'].map((column) => `${column} = CASE WHEN NOT (${condition}) THEN c.${column} END`).join(', ')},
   is_archived = c.is_archived AND NOT (${condition})`;

/** What ending sets beside the times of its own; `END` says the same of many rows. */
const over = ({ reopened_at, created_at }: Conversation, now: Date): Partial<Conversation> => ({
  resolution_time_seconds: Math.max(0, Math.round((now.getTime() - (reopened_at ?? created_at).getTime()) / 1000)),
  is_bot_active: false,
  asked_at: null,
});

const END = prepared(`UPDATE conversations
    SET status = 'closed', closed_at = now(), resolved_at = coalesce(resolved_at, now()), close_reason = $3, is_bot_active = false, asked_at = NULL,
        resolution_time_seconds = greatest(0, round(extract(epoch FROM now() - coalesce(reopened_at, created_at))))::int, updated_at = now()
  WHERE organization_id = $1 AND id = ANY($2)`);

/** Closes many that live and are locked. */
export async function endAll(tx: Tx, actor: Actor, conversations: readonly Conversation[], close_reason: string): Promise<void> {
  if (!conversations.length) return;
  await tx.rows(END, [actor.organization_id, conversations.map(({ id }) => id), close_reason]);
  for (const conversation of conversations) tellMove(tx, actor, conversation, ConversationStatus.closed);
}

/** One move of the state machine, with what it sets. The conversation is locked. @throws {Conflict} */
export async function move(
  tx: Tx,
  actor: Actor,
  conversation: Conversation,
  to: ConversationStatus,
  more: Partial<Conversation> = {},
): Promise<void> {
  const { status: from, id } = conversation;
  const conversations = new TenantRepository(tx, Conversation);
  if (from === to) {
    await conversations.patch(actor, id, more);
    return;
  }
  if (!MOVES[from].includes(to)) throw new Conflict('invalid_status_transition', `A conversation that is ${from} cannot become ${to}.`);
  const now = new Date();
  const revives = to === ConversationStatus.open && !isActive(conversation);
  const effects: Partial<Record<ConversationStatus, Partial<Conversation>>> = {
    resolved: { resolved_at: now, ...over(conversation, now) },
    closed: { closed_at: now, resolved_at: conversation.resolved_at ?? now, ...over(conversation, now) },
    open: revives ? { ...revived(now), ...(await routeAgain(tx, actor, conversation)) } : {},
  };
  if (revives) await refuseSecond(tx, actor, conversation.contact_id, conversation.whatsapp_number_id);
  const moved = await conversations.patch(actor, id, { status: to, ...effects[to], ...more });
  tellMove(tx, actor, conversation, to);
  if (revives && !moved.current_agent_id) await enterQueue(tx, actor, moved);
  if (isActive(conversation) && isServed(moved)) await planSurvey(tx, moved);
}

/** Somebody says that the customer was served: not closed as unresolved, nor put away. */
const isServed = ({ status, resolved_at, close_reason }: Conversation): boolean =>
  !isActive({ status }) && resolved_at !== null && close_reason !== 'archived';

/** Says that a conversation moved, which is given as it was. */
export function tellMove(tx: Tx, actor: Actor, { id, status: from }: Pick<Conversation, 'id' | 'status'>, to: ConversationStatus): void {
  const { organization_id, user_id } = actor;
  tx.tell(actOf(from, to), { organization_id, conversation_id: id, user_id, status: to, previous_status: from });
}

/** The event of a move, and what the audit log calls it. */
export function actOf(from: ConversationStatus, to: ConversationStatus) {
  if (to === ConversationStatus.resolved) return 'conversation.resolved';
  if (to === ConversationStatus.closed) return 'conversation.closed';
  return isActive({ status: from }) ? 'conversation.status' : 'conversation.reopened';
}

/** Closes it, if it is not yet over, and puts it out of sight. @throws {Conflict} */
export async function archive(tx: Tx, actor: Actor, conversation: Conversation): Promise<void> {
  if (conversation.is_archived) throw new Conflict('conversation_already_archived', 'The conversation is archived already.');
  if (isActive(conversation)) await move(tx, actor, conversation, ConversationStatus.closed, { close_reason: 'archived' });
  await new TenantRepository(tx, Conversation).patch(actor, conversation.id, { is_archived: true, archived_at: new Date() });
  const { organization_id, user_id } = actor;
  tx.tell('conversation.archived', { organization_id, conversation_id: conversation.id, user_id });
}

/** @throws {Conflict} */
export function assertActive(conversation: Pick<Conversation, 'status'>): void {
  if (!isActive(conversation))
    throw new Conflict('conversation_not_active', `The conversation is ${conversation.status}. Reopen it first.`);
}

/** Gives it to an agent, or to nobody; `more` is told besides. The conversation is locked. @throws {Conflict} */
export async function assign(
  tx: Tx,
  actor: Actor,
  conversation: Conversation,
  agent_id: string | null,
  more: { is_transfer?: true } = {},
): Promise<void> {
  assertActive(conversation);
  const { id: conversation_id, current_agent_id: previous_agent_id } = conversation;
  if (previous_agent_id === agent_id) return;
  const now = new Date();
  if (agent_id)
    await move(tx, actor, conversation, ConversationStatus.open, {
      current_agent_id: agent_id,
      assigned_at: now,
      sla_due_at: null,
      sla_ends_at: null,
      is_bot_active: false,
      ...(conversation.is_bot_active && { handoff_at: now }),
    });
  else {
    await new TenantRepository(tx, Conversation).patch(actor, conversation_id, { current_agent_id: null });
    await queueAgain(tx, [conversation], actor.user_id);
  }
  const { organization_id, user_id } = actor;
  tx.tell('conversation.assigned', { organization_id, conversation_id, user_id, agent_id, previous_agent_id, ...more });
}

/** A conversation and who is to have it. */
export interface Assignment {
  conversation: Pick<Conversation, 'id' | 'status' | 'is_bot_active' | 'current_agent_id'>;
  agent_id: string;
}

const ASSIGN = prepared(`UPDATE conversations c
    SET current_agent_id = t.agent_id, assigned_at = now(), sla_due_at = NULL, sla_ends_at = NULL, status = 'open',
        handoff_at = CASE WHEN c.is_bot_active THEN now() ELSE c.handoff_at END, is_bot_active = false, updated_at = now()
   FROM json_to_recordset($2) AS t(id uuid, agent_id uuid)
  WHERE c.organization_id = $1 AND c.id = t.id`);

/** Many live ones at once, as `assign` does one; they are locked. */
export async function assignAll(tx: Tx, actor: Actor, assignments: readonly Assignment[]): Promise<void> {
  if (!assignments.length) return;
  const { organization_id, user_id } = actor;
  await tx.rows(ASSIGN, [organization_id, JSON.stringify(assignments.map(({ conversation: { id }, agent_id }) => ({ id, agent_id })))]);
  for (const { conversation, agent_id } of assignments) {
    const { id: conversation_id, current_agent_id: previous_agent_id } = conversation;
    if (conversation.status !== ConversationStatus.open) tellMove(tx, actor, conversation, ConversationStatus.open);
    tx.tell('conversation.assigned', { organization_id, conversation_id, user_id, agent_id, previous_agent_id });
    auditAgent(tx, actor, conversation, agent_id);
  }
}

/** Their agent is gone: nobody has them, and those of a queue wait in it again. They are locked. */
export async function unassignAll(tx: Tx, actor: Actor, conversations: readonly Conversation[]): Promise<void> {
  if (!conversations.length) return;
  const { organization_id, user_id } = actor;
  await tx.rows(UNASSIGN, [organization_id, conversations.map(({ id }) => id)]);
  await queueAgain(tx, conversations, user_id);
  for (const conversation of conversations) {
    const { id: conversation_id, current_agent_id: previous_agent_id } = conversation;
    tx.tell('conversation.assigned', { organization_id, conversation_id, user_id, agent_id: null, previous_agent_id });
    auditAgent(tx, actor, conversation, null);
  }
}

/** What nobody asked for by name stands in the log as what is asked for does. */
const auditAgent = (tx: Tx, actor: Actor, { id, current_agent_id }: Assignment['conversation'], agent_id: string | null): void =>
  tx.audit(actor, 'conversation.assigned', { resource: { id }, before: { current_agent_id }, after: { current_agent_id: agent_id } });

const UNASSIGN = prepared(
  'UPDATE conversations SET current_agent_id = NULL, updated_at = now() WHERE organization_id = $1 AND id = ANY($2)',
);

/** The live ones of contacts, of agents or of queues; locked, in one order everywhere. */
export function liveOf(
  tx: Tx,
  actor: Actor,
  of: Partial<Record<'contact_id' | 'current_agent_id' | 'queue_id', readonly string[]>>,
): Promise<Conversation[]> {
  const live = new TenantRepository(tx, Conversation).query(actor, 'row').andWhere(activeRow('row'));
  for (const [column, ids] of Object.entries(of)) live.andWhere(`row.${column} = ANY(:${column})`, { [column]: ids });
  return live.orderBy('row.id').setLock('for_no_key_update').getMany();
}
