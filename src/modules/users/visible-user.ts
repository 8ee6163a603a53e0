import { type Actor, Role } from '#common/actor';
import { NotFound } from '#common/errors';
import type { User } from './user.entity';

/** Super admins do not exist for others. @throws {NotFound} */
export function visible(actor: Actor, user: User | null): User {
  if (!user || (user.role === Role.super_admin && actor.role !== Role.super_admin && user.id !== actor.user_id)) throw new NotFound('User');
  return user;
}
