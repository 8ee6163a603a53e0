import { assertHolds } from '#access/sessions';
import { type Actor, Role } from '#common/actor';
import { assertSomebody } from '#common/assert-somebody';
import { NotFound } from '#common/errors';
import type { Tx } from '#database/database';
import { TenantRepository } from '#database/tenant-repository';
import { User, effectivePermissions } from './user.entity';

/** Super admins do not exist for others. */
export const isVisible = (actor: Actor, { id, role }: User): boolean =>
  role !== Role.super_admin || actor.role === Role.super_admin || id === actor.user_id;

/** @throws {NotFound} */
export function visible(actor: Actor, user: User | null): User {
  if (!user || !isVisible(actor, user)) throw new NotFound('User');
  return user;
}

/**
 * The row for a change of it, locked. @throws {NotFound} @throws {Forbidden} `permission_denied`: they may more than who acts.
 * @throws {Conflict} `already_anonymized`.
 */
export async function lockMember(tx: Tx, actor: Actor, id: string): Promise<User> {
  const user = await lockToRemove(tx, actor, id);
  assertSomebody('user', user);
  return user;
}

/** As `lockMember`, also of who is nobody any more. */
export async function lockToRemove(tx: Tx, actor: Actor, id: string): Promise<User> {
  const user = visible(actor, await new TenantRepository(tx, User).lock(actor, id));
  if (id !== actor.user_id) assertHolds(actor, effectivePermissions(user));
  return user;
}
