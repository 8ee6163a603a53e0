import { type Actor, Role } from '#common/actor';
import { Invalid, NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import { TenantRepository } from '#database/tenant-repository';
import { User } from './user.entity';

/** Whose work it may be to answer customers, whether or not the account is on at the moment. */
const ANSWERING: readonly Role[] = [Role.agent, Role.org_admin];

/** SQL: this row of users may be an agent of something. Who is not stays in its rows, unseen, until they may again. */
export const agentRow = (row: string): string =>
  `${row}.deleted_at IS NULL AND ${row}.role IN (${ANSWERING.map((role) => `'${role}'`).join(', ')})`;

const BY_EMAIL = prepared(`SELECT u.id, u.email FROM users u
  WHERE u.organization_id = $1 AND u.email = ANY($2) AND u.is_active AND ${agentRow('u')}`);

/** Who may answer customers now, by e-mail. */
export async function agentsByEmail(sql: Sql, { organization_id }: Actor, emails: readonly string[]): Promise<Map<string, string>> {
  const agents = await sql.rows<Pick<User, 'id' | 'email'>>(BY_EMAIL, [organization_id, emails]);
  return new Map(agents.map(({ id, email }) => [email, id]));
}

/** @throws {NotFound} Somebody is not in this organization; super admins do not exist for others. */
export async function assertUsers(tx: Tx, actor: Actor, ids: readonly string[]): Promise<User[]> {
  const users = await new TenantRepository(tx, User).many(actor, ids);
  const visible = users.filter(({ role }) => role !== Role.super_admin || actor.role === Role.super_admin);
  if (visible.length < new Set(ids).size) throw new NotFound('User');
  return visible;
}

/**
 * People are made agents of something; `loc` is where their ids stand.
 * @throws {NotFound} Somebody is not in this organization. @throws {Invalid} `user_not_agent`: somebody does not answer customers.
 */
export async function assertAgents(tx: Tx, actor: Actor, ids: readonly string[], loc: string[]): Promise<void> {
  const other = (await assertUsers(tx, actor, ids)).find(({ role }) => !ANSWERING.includes(role));
  if (!other) return;
  const msg = `${other.full_name} does not answer customers: only agents and administrators do.`;
  throw new Invalid([{ loc, msg, type: 'value_error' }], 'user_not_agent', msg);
}
