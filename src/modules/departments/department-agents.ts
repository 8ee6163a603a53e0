import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import { assertAgents, assertUsers } from '#modules/users/agents';
import { Department } from './department.entity';

/*
 * Who answers for which department: one table, changed from both sides. Who changes it has locked the organization, so nobody becomes a viewer, and no
 * department goes, meanwhile.
 */

/** What became of the agents of a department. */
export interface AgentChange {
  department_id: string;
  added: string[];
  removed: string[];
}

type Pair = { department_id: string; user_id: string };

/** These and no others. @throws {NotFound} @throws {Invalid} `user_not_agent`. */
export async function setAgents(tx: Tx, actor: Actor, department_id: string, agent_ids: readonly string[]): Promise<AgentChange> {
  await assertAgents(tx, actor, agent_ids, ['body', 'agent_ids']);
  const added = await insert(tx, actor, [department_id], agent_ids);
  const removed = await tx.rows<Pair>(
    'DELETE FROM department_agents WHERE organization_id = $1 AND department_id = $2 AND user_id <> ALL($3) RETURNING department_id, user_id',
    [actor.organization_id, department_id, agent_ids],
  );
  return { department_id, added: usersOf(added), removed: usersOf(removed) };
}

/** @throws {NotFound} @throws {Invalid} `user_not_agent`. */
export async function addAgent(tx: Tx, actor: Actor, department_id: string, agent_id: string): Promise<AgentChange> {
  await assertAgents(tx, actor, [agent_id], ['path', 'agent_id']);
  return { department_id, added: usersOf(await insert(tx, actor, [department_id], [agent_id])), removed: [] };
}

/** @throws {NotFound} */
export async function removeAgent(tx: Tx, actor: Actor, department_id: string, agent_id: string): Promise<AgentChange> {
  await assertUsers(tx, actor, [agent_id]);
  const removed = await tx.rows<Pair>(
    'DELETE FROM department_agents WHERE organization_id = $1 AND department_id = $2 AND user_id = $3 RETURNING department_id, user_id',
    [actor.organization_id, department_id, agent_id],
  );
  return { department_id, added: [], removed: usersOf(removed) };
}

/** Everybody of a department that goes; with another one they answer for that. */
export async function moveAgents(tx: Tx, actor: Actor, from: string, to: string | null): Promise<AgentChange[]> {
  const gone = await tx.rows<Pair>(
    'DELETE FROM department_agents WHERE organization_id = $1 AND department_id = $2 RETURNING department_id, user_id',
    [actor.organization_id, from],
  );
  if (to === null) return [];
  return [{ department_id: to, added: usersOf(await insert(tx, actor, [to], usersOf(gone))), removed: [] }];
}

/** The departments of a user: these and no others. @throws {NotFound} @throws {Invalid} `user_not_agent`. */
export async function setDepartments(tx: Tx, actor: Actor, user_id: string, department_ids: readonly string[]): Promise<AgentChange[]> {
  const found = await new TenantRepository(tx, Department).many(actor, department_ids);
  if (found.length < new Set(department_ids).size) throw new NotFound('Department');
  if (department_ids.length) await assertAgents(tx, actor, [user_id], ['body', 'department_ids']);
  const added = await insert(tx, actor, department_ids, [user_id]);
  const removed = await tx.rows<Pair>(
    'DELETE FROM department_agents WHERE organization_id = $1 AND user_id = $2 AND department_id <> ALL($3) RETURNING department_id, user_id',
    [actor.organization_id, user_id, department_ids],
  );
  return [
    ...added.map(({ department_id }) => ({ department_id, added: [user_id], removed: [] })),
    ...removed.map(({ department_id }) => ({ department_id, added: [], removed: [user_id] })),
  ];
}

/** Every user into every department; answers who was not yet. */
const insert = (tx: Tx, { organization_id }: Actor, department_ids: readonly string[], user_ids: readonly string[]): Promise<Pair[]> =>
  tx.rows(
    `INSERT INTO department_agents (organization_id, department_id, user_id)
     SELECT $1, department_id, user_id FROM unnest($2::uuid[]) department_id, unnest($3::uuid[]) user_id
         ON CONFLICT DO NOTHING RETURNING department_id, user_id`,
    [organization_id, department_ids, user_ids],
  );

const usersOf = (pairs: readonly Pair[]): string[] => pairs.map(({ user_id }) => user_id);
