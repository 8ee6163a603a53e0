import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import type { Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { Contact } from '#modules/contacts/contact.entity';
import { Department } from '#modules/departments/department.entity';
import { Conversation } from '../conversation.entity';
import { activeRow } from './active';
import { type Place, type Wish, choosePlaces } from './line';

/** Of its SLA, when the first look is worth while: business hours only make it later. Contract 10, 6: a warning at 0.8. */
export const SLA_WARNING = 0.8;

/** SQL: a row that waits in a queue, as `conversations_waiting_idx` has it. */
export const waitingRow = (row: string): string =>
  `${row}.queue_id IS NOT NULL AND ${row}.queued_at IS NOT NULL AND ${row}.current_agent_id IS NULL AND ${activeRow(row)}`;

/** SQL: a row that waits in a department without a queue, as `conversations_in_department_idx` has it. */
export const departmentWaitingRow = (row: string): string =>
  `${row}.queue_id IS NULL AND ${row}.department_id IS NOT NULL AND ${row}.queued_at IS NOT NULL AND ${row}.current_agent_id IS NULL AND ${activeRow(row)}`;

/** A stay that is over: what the next one begins without. */
const STAY_OVER = 'assigned_at = NULL, sla_warned_at = NULL, sla_breached_at = NULL, queue_answered_at = NULL';

const ENTER = prepared(`UPDATE conversations c
    SET queue_id = t.queue_id, department_id = t.department_id, queue_priority = t.queue_priority, current_agent_id = NULL, ${STAY_OVER},
        queued_at = now(), sla_due_at = now() + t.sla_minutes * ${SLA_WARNING} * interval '1 minute',
        sla_ends_at = t.sla_ends_at,
        extra_data = CASE WHEN t.overflow IS NULL THEN c.extra_data
          ELSE jsonb_set(c.extra_data, '{overflow_history}', coalesce(c.extra_data->'overflow_history', '[]') || t.overflow) END,
        updated_at = now()
   FROM json_to_recordset($1) AS t(organization_id uuid, id uuid, queue_id uuid, department_id uuid, queue_priority int, sla_minutes int, sla_ends_at timestamptz, overflow jsonb)
  WHERE c.organization_id = t.organization_id AND c.id = t.id`);

const LEAVE = prepared(
  `UPDATE conversations SET queue_id = NULL, queued_at = NULL, sla_due_at = NULL, sla_ends_at = NULL, ${STAY_OVER}, updated_at = now()
    WHERE organization_id = $1 AND id = ANY($2) AND queue_id IS NOT NULL`,
);

/**
 * Those nobody has begin to wait, each where the line says; they are locked. Their status stays. One without a place leaves the queue it waited in
 * before. Answers the places, in order.
 */
export async function enterQueues(tx: Tx, wishes: readonly Wish[], user_id: string | null = null): Promise<(Place | null)[]> {
  const places = await choosePlaces(tx, wishes);
  const entered = wishes.flatMap((wish, n) => (places[n] ? [{ wish, place: places[n] }] : []));
  if (entered.length)
    await tx.rows(ENTER, [
      JSON.stringify(
        entered.map(({ wish: { organization_id, conversation_id: id }, place: { overflow, ...place } }) => ({
          organization_id,
          id,
          ...place,
          overflow: overflow.length ? overflow : null,
        })),
      ),
    ]);
  const left = wishes.filter((wish, n) => !places[n] && wish.last_queue_id);
  for (const { organization_id, conversation_id, last_queue_id } of [
    ...left,
    ...entered.flatMap(({ wish, place }) => (place.queue_id === wish.last_queue_id ? [] : wish)),
  ])
    if (last_queue_id) tx.tell('conversation.dequeued', { organization_id, conversation_id, user_id, queue_id: last_queue_id });
  for (const { wish, place } of entered) {
    const { organization_id, conversation_id } = wish;
    const { queue_id, department_id } = place;
    if (queue_id) tx.tell('conversation.queued', { organization_id, conversation_id, user_id, queue_id, department_id });
    else tx.tell('conversation.department_entered', { organization_id, conversation_id, user_id, department_id });
  }
  for (const [organization_id, some] of Map.groupBy(left, (wish) => wish.organization_id))
    await tx.rows(LEAVE, [organization_id, some.map(({ conversation_id }) => conversation_id)]);
  return places;
}

/** One that nobody has (any more) waits where it is called for, else where the line says. It is locked. */
export async function enterQueue(
  tx: Tx,
  actor: Actor,
  conversation: Pick<Conversation, 'id' | 'contact_id' | 'whatsapp_number_id' | 'queue_id'>,
  named: Wish['named'] = null,
): Promise<Place | null> {
  const { is_vip } = await new TenantRepository(tx, Contact).get(actor, conversation.contact_id);
  const wish: Wish = {
    organization_id: actor.organization_id,
    conversation_id: conversation.id,
    is_vip,
    named,
    whatsapp_number_id: conversation.whatsapp_number_id,
    last_queue_id: conversation.queue_id,
  };
  return (await enterQueues(tx, [wish], actor.user_id))[0];
}

/** It waits no more and is no queue's; nor, if so, a department's. It is locked. */
export async function leaveQueue(
  tx: Tx,
  actor: Actor,
  { id, queue_id }: Pick<Conversation, 'id' | 'queue_id'>,
  and_department: boolean,
): Promise<void> {
  const { organization_id, user_id } = actor;
  await tx.rows(LEAVE, [organization_id, [id]]);
  if (queue_id) tx.tell('conversation.dequeued', { organization_id, conversation_id: id, user_id, queue_id });
  if (and_department) await new TenantRepository(tx, Conversation).patch(actor, id, { department_id: null });
}

/** It becomes a department's and keeps its agent. @throws {NotFound} @throws {Invalid} */
export async function setDepartment(tx: Tx, actor: Actor, { id }: Pick<Conversation, 'id'>, department_id: string): Promise<void> {
  const { is_active } = await new TenantRepository(tx, Department).get(actor, department_id);
  if (!is_active) throw Invalid.field('department_id', 'The department is switched off: it takes no conversations.');
  await new TenantRepository(tx, Conversation).patch(actor, id, { department_id });
}

const STAY_ON = prepared(`UPDATE conversations c SET queued_at = now(), ${STAY_OVER}, updated_at = now()
  WHERE c.organization_id = $1 AND c.id = ANY($2) AND c.queue_id IS NULL AND c.department_id IS NOT NULL AND ${activeRow('c')}
 RETURNING c.id, c.department_id`);

/** Back into the line they stood in, or their department, with a stay of its own: their agent is gone. */
export async function queueAgain(
  tx: Tx,
  conversations: readonly Pick<Conversation, 'id' | 'organization_id' | 'queue_id' | 'queue_priority'>[],
  user_id: string | null = null,
): Promise<void> {
  await enterQueues(
    tx,
    conversations
      .filter(({ queue_id }) => queue_id !== null)
      .map(({ organization_id, id, queue_id, queue_priority }) => ({
        organization_id,
        conversation_id: id,
        is_vip: queue_priority === VIP_PRIORITY,
        named: null,
        whatsapp_number_id: null,
        last_queue_id: queue_id,
      })),
    user_id,
  );
  const bare = conversations.filter(({ queue_id }) => queue_id === null);
  for (const [organization_id, some] of Map.groupBy(bare, (one) => one.organization_id)) {
    const stay = await tx.rows<{ id: string; department_id: string }>(STAY_ON, [organization_id, some.map(({ id }) => id)]);
    for (const { id: conversation_id, department_id } of stay)
      tx.tell('conversation.department_entered', { organization_id, conversation_id, user_id, department_id });
  }
}

/** Contract 20, 2: VIPs come first. */
export const VIP_PRIORITY = 100;

const NOTE_SLA = prepared(`UPDATE conversations c
    SET sla_due_at = t.due_at, sla_ends_at = t.ends_at, sla_warned_at = CASE WHEN t.warn THEN now() ELSE c.sla_warned_at END,
        sla_breached_at = CASE WHEN t.breach THEN now() ELSE c.sla_breached_at END
   FROM json_to_recordset($2) AS t(id uuid, due_at timestamptz, ends_at timestamptz, warn boolean, breach boolean)
  WHERE c.organization_id = $1 AND c.id = t.id`);

/** What was seen at a look at their SLA, and when the next look is. They are locked. */
export async function noteSla(
  tx: Tx,
  organization_id: string,
  looks: readonly { id: string; due_at: Date | null; ends_at: Date | null; warn: boolean; breach: boolean }[],
): Promise<void> {
  if (looks.length) await tx.rows(NOTE_SLA, [organization_id, JSON.stringify(looks)]);
}

/** The SLA or the hours of queues changed: whoever waits in them is looked at again. */
export async function lookAtSlaAgain(sql: Sql, organization_id: string, queue_ids: readonly string[]): Promise<void> {
  if (queue_ids.length) await sql.rows(LOOK_AGAIN, [organization_id, queue_ids]);
}

const LOOK_AGAIN = prepared(`UPDATE conversations c SET sla_due_at = now()
  WHERE c.organization_id = $1 AND c.queue_id = ANY($2) AND ${waitingRow('c')} AND c.sla_breached_at IS NULL`);

/** The hours of a whole organization, or of a department, may be others: whose clock runs is looked at again. */
export async function lookAtEverySlaAgain(sql: Sql, organization_id: string): Promise<void> {
  await sql.rows(LOOK_AT_ALL, [organization_id]);
}

const LOOK_AT_ALL = prepared(`UPDATE conversations SET sla_due_at = now() WHERE organization_id = $1 AND id = ANY(ARRAY(
    SELECT c.id FROM conversations c WHERE c.organization_id = $1 AND c.sla_due_at > now() ORDER BY c.id FOR NO KEY UPDATE))`);

const MOVE = prepared(`UPDATE conversations c
    SET queue_id = $3, department_id = $4, sla_due_at = CASE WHEN ${waitingRow('c')} AND c.sla_breached_at IS NULL THEN now() END, updated_at = now()
  WHERE c.organization_id = $1 AND c.id = ANY($2)`);

/** Their queue becomes part of another one, or another department's: who waits keeps the time they have waited, who has an agent keeps them. They are locked. */
export async function moveToQueue(
  tx: Tx,
  { organization_id, user_id }: Actor,
  conversations: readonly Pick<Conversation, 'id'>[],
  { id: queue_id, department_id }: { id: string; department_id: string },
): Promise<void> {
  if (!conversations.length) return;
  await tx.rows(MOVE, [organization_id, conversations.map(({ id }) => id), queue_id, department_id]);
  for (const { id: conversation_id } of conversations) tx.tell('conversation.updated', { organization_id, conversation_id, user_id });
}
