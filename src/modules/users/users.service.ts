import { Injectable } from '@nestjs/common';
import { onDuplicate } from '#database/database-errors';
import { Sessions, assertHolds, assertMayAppoint } from '#access/sessions';
import { Actor, Role } from '#common/actor';
import { assertSomebody } from '#common/assert-somebody';
import { changesOf } from '#common/changes';
import { type AppError, Conflict, Forbidden, Invalid, NotFound, Unauthenticated } from '#common/errors';
import type { Page } from '#common/page.dto';
import { Database, type Tx } from '#database/database';
import { forgetRows } from '#database/forget-rows';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountAccess } from './account-access';
import { OwnPassword } from './own-password';
import { ShowUsers } from './show-users';
import type { OrganizationSummary, UserProfile, UserSelfUpdate, UserUpdate, UsersQuery } from './user.dto';
import { UserDepartments, inDepartment } from './user-departments';
import { ANONYMOUS_USER, User, effectivePermissions, mayAnswer, mayTell } from './user.entity';
import { isVisible, lockMember, lockToRemove, visible } from './visible-user';

onDuplicate('users_email_key', () => new Conflict('email_already_registered', 'This e-mail belongs to an account already.'));

/** Every short field that all who see the list are shown: an organization's people are few thousands, and are sorted as they are read. */
const SORTS: (keyof User)[] = [
  'created_at',
  'updated_at',
  'full_name',
  'email',
  'phone_number',
  'role',
  'is_active',
  'invite_pending',
  'email_verified',
  'email_verified_at',
  'agent_status',
  'max_conversations',
  'is_online',
  'last_seen_at',
  'last_login_at',
  'timezone',
  'language',
];

@Injectable()
export class UsersService {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly ownPassword: OwnPassword,
    private readonly access: AccountAccess,
    private readonly sessions: Sessions,
    private readonly departments: UserDepartments,
    private readonly show: ShowUsers,
  ) {}

  async page(actor: Actor, query: UsersQuery): Promise<Page<User>> {
    const page = await this.database.repository(User).page(actor, query, {
      search: ['full_name', 'email', 'phone_number'],
      sort: SORTS,
      filter: { role: query.role, is_active: query.is_active, agent_status: query.agent_status, is_online: query.is_online },
      refine: (rows) => {
        if (actor.role !== Role.super_admin) rows.andWhere(`${rows.alias}.role <> :hidden`, { hidden: Role.super_admin });
        if (query.department_id) rows.andWhere(inDepartment(rows.alias), { department_id: query.department_id });
      },
    });
    return { ...page, items: await this.show.all(actor, page.items) };
  }

  async get(actor: Actor, id: string): Promise<User> {
    return this.show.one(actor, visible(actor, await this.database.repository(User).find(actor, id)));
  }

  /** Each of these; null where somebody is gone, or not to be seen. */
  async many(actor: Actor, ids: readonly string[]): Promise<(User | null)[]> {
    const rows = (await this.database.repository(User).many(actor, ids)).filter((user) => isVisible(actor, user));
    const shown = new Map((await this.show.all(actor, rows)).map((user) => [user.id, user]));
    return ids.map((id) => shown.get(id) ?? null);
  }

  /**
   * Somebody who may be given conversations.
   * @throws {Invalid} `invalid_agent`: switched off, or a viewer.
   */
  async getAgent(actor: Actor, id: string): Promise<User> {
    const user = visible(actor, await this.database.repository(User).find(actor, id));
    if (!mayAnswer(user))
      throw Invalid.field(
        'agent_id',
        `${user.full_name} cannot answer conversations: the account is off or may only read.`,
        'invalid_agent',
      );
    return user;
  }

  /**
   * Another role and deactivation end the user's sessions at once. One's own e-mail changes with one's password only.
   * @throws {BadRequest} `current_password_incorrect`. @throws {Invalid} current_password is missing.
   * @throws {Forbidden} `cannot_modify_self`, `cannot_assign_role`, `account_locked`; `permission_denied`: they may, or would, do more than who acts.
   * @throws {Conflict} `last_admin`, `email_already_registered`, `already_anonymized`.
   */
  async update(actor: Actor, id: string, update: UserUpdate): Promise<User> {
    const { department_ids, permissions, name: _name, current_password, ...input } = update;
    const self = id === actor.user_id;
    if (input.role === Role.super_admin && !(self && actor.role === Role.super_admin))
      throw new Forbidden('cannot_assign_role', 'Nobody can be made a super admin.');
    if (self && input.email !== undefined) {
      const user = visible(actor, await this.database.repository(User).find(actor, id));
      if (input.email !== user.email) await this.ownPassword.assert(actor, user, current_password);
    }

    const updated = await this.database.tx(async (tx) => {
      const users = this.database.repository(User, tx);
      // Two admins who take each other's role at once meet here: the second finds the first gone.
      await this.organizations.lock(tx, actor);
      const before = await lockMember(tx, actor, id);
      const department_ids_before = (await this.departments.of(actor, [id], tx)).get(id) ?? [];
      const moves = department_ids !== undefined && !sameIds(department_ids, department_ids_before);
      const changes = changesOf(before, input);
      if (permissions && !sameIds(permissions, effectivePermissions(before))) throw otherPermissions(self);
      // Who moves the mailbox has the next password mailed to it, or the invitation.
      if (changes.email && actor.api_key_id !== null && !(before.invite_pending && before.role !== Role.org_admin))
        throw new Forbidden('api_key_not_allowed', 'This is not for API keys: an administrator moves an account to another address.');
      if (changes.role || changes.is_active) assertMayAppoint(actor, changes.role ?? before.role);
      if (changes.email) Object.assign(changes, { email_verified: false, email_verified_at: null });
      if (changes.role) changes.custom_permissions = null;
      const after = { ...before, ...changes };
      if (!self) assertHolds(actor, effectivePermissions(after));
      tx.audit(actor, actionOf(changes), {
        resource: { id },
        before: { ...before, department_ids: department_ids_before },
        after: { ...changes, ...(moves && { department_ids }) },
        may_tell: mayTell,
      });
      if (!moves && !Object.keys(changes).length) return before;
      if (self && (moves || 'role' in changes || 'is_active' in changes || 'max_conversations' in changes))
        throw new Forbidden('cannot_modify_self', 'Your own role, state and departments are for another administrator to change.');
      if (changes.role && before.role === Role.super_admin)
        throw new Forbidden('cannot_assign_role', 'The role of a super admin cannot be changed.');
      if (isActiveAdmin(before) && !isActiveAdmin(after)) await this.assertAnotherAdmin(tx, actor, id);
      const user = await users.patch(actor, id, changes);
      if (moves) await this.departments.replace(tx, actor, id, department_ids);
      if (changes.email) await this.access.moveMailbox(tx, actor, user, before.email);
      if (changes.role || changes.is_active === false)
        await this.sessions.endAll(tx, id, changes.is_active === false ? 'deactivated' : 'role_changed');
      this.tell(tx, before, user);
      return user;
    });
    return this.show.one(actor, updated);
  }

  /**
   * For good: their e-mail is free again, their sessions end, their conversations want another agent.
   * @throws {Forbidden} `cannot_modify_self`. @throws {Conflict} `last_admin`.
   */
  async remove(actor: Actor, id: string): Promise<void> {
    if (id === actor.user_id) throw new Forbidden('cannot_modify_self', 'Your own account is for another administrator to delete.');
    await this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const user = await lockToRemove(tx, actor, id);
      if (isActiveAdmin(user)) await this.assertAnotherAdmin(tx, actor, id);
      await this.database.repository(User, tx).remove(actor, id);
      await this.sessions.endAll(tx, id, 'deleted');
      const { organization_id, role } = user;
      tx.tell('user.deleted', { organization_id, user_id: id });
      if (mayAnswer(user)) tx.tell('user.left', { organization_id, user_id: id, role });
      tx.audit(actor, 'user.deleted', { resource: { id }, before: user, may_tell: mayTell, metadata: { role } });
    });
  }

  /**
   * Contract 10, 10: from this commit on nothing says who it was, and nobody signs in with it. Erased, it is deleted besides. A deleted user too.
   * @returns The names by which copies of what was said may still know them.
   * @throws {NotFound} Also a super admin. @throws {Forbidden} `cannot_modify_self`. @throws {Conflict} `last_admin`, `already_anonymized`.
   */
  async forget(tx: Tx, actor: Actor, id: string, how: 'erase' | 'anonymize'): Promise<string[]> {
    if (id === actor.user_id) throw new Forbidden('cannot_modify_self', 'Your own account is for another administrator to erase.');
    await this.organizations.lock(tx, actor);
    const ids = [actor.organization_id, id];
    const [user] = await tx.rows<
      Pick<User, 'id' | 'email' | 'role' | 'custom_permissions' | 'is_active' | 'deleted_at' | 'anonymized_at'> | undefined
    >(
      'SELECT id, email, role, custom_permissions, is_active, deleted_at, anonymized_at FROM users WHERE organization_id = $1 AND id = $2 FOR UPDATE',
      ids,
    );
    if (!user || user.role === Role.super_admin) throw new NotFound('User');
    assertHolds(actor, effectivePermissions(user));
    if (how === 'anonymize') assertSomebody('user', user);
    if (!user.deleted_at && isActiveAdmin(user)) await this.assertAnotherAdmin(tx, actor, id);
    await this.sessions.endAll(tx, id, how === 'erase' ? 'deleted' : 'deactivated');
    await tx.rows(
      `UPDATE users SET is_active = false, invite_pending = false, agent_status = 'offline', anonymized_at = coalesce(anonymized_at, now()),
          deleted_at = CASE WHEN $3 THEN coalesce(deleted_at, now()) ELSE deleted_at END, updated_at = now()
        WHERE organization_id = $1 AND id = $2`,
      [...ids, how === 'erase'],
    );
    await this.access.unlock(user.email, tx);
    await forgetRows(tx, { table: 'users', where: 'organization_id = $1 AND id = $2', forgetting: ANONYMOUS_USER, ids });
    if (!user.deleted_at) {
      const { organization_id } = actor;
      tx.tell(how === 'erase' ? 'user.deleted' : 'user.updated', { organization_id, user_id: id });
      if (mayAnswer(user)) tx.tell('user.left', { organization_id, user_id: id, role: user.role });
    }
    return [id, user.email];
  }

  /** Also lifts a login lock. */
  async activate(actor: Actor, id: string): Promise<User> {
    const user = await this.update(actor, id, { is_active: true });
    await this.access.unlock(user.email);
    return { ...user, locked_until: null };
  }

  /** @throws {Forbidden} `cannot_modify_self`. @throws {Conflict} `last_admin`. */
  deactivate(actor: Actor, id: string): Promise<User> {
    return this.update(actor, id, { is_active: false });
  }

  /** The caller as they see themselves, in their own organization wherever a super admin acts at the moment. */
  async profile(actor: Actor): Promise<UserProfile> {
    const user = await this.own(actor);
    const home = homeOf(user);
    const { id, name, slug, plan_type, status, is_trial, trial_ends_at } = await this.organizations.summary(home);
    const organization: OrganizationSummary = { id, name, slug, plan_type, status, is_trial, trial_ends_at };
    return { ...(await this.show.one(home, user)), organization };
  }

  async updateMe(actor: Actor, input: UserSelfUpdate): Promise<UserProfile> {
    const home = await this.home(actor);
    await this.update(home, home.user_id, input);
    return this.profile(home);
  }

  /** The caller in their own organization, where their own things are, wherever a super admin acts at the moment. */
  async home(actor: Actor): Promise<Actor & { user_id: string }> {
    if (actor.user_id && actor.role !== Role.super_admin) return actor as Actor & { user_id: string };
    return homeOf(await this.own(actor));
  }

  private async own(actor: Actor): Promise<User> {
    // Past the wall by intent: one's own row, also when a super admin acts inside another organization.
    const user = actor.user_id ? await this.database.source.getRepository(User).findOneBy({ id: actor.user_id }) : null;
    if (!user) throw new Unauthenticated();
    return user;
  }

  private async assertAnotherAdmin(tx: Tx, actor: Actor, id: string): Promise<void> {
    const others = await this.database
      .repository(User, tx)
      .query(actor, 'row')
      .andWhere('row.role = :role AND row.is_active AND NOT row.invite_pending AND row.id <> :id', { role: Role.org_admin, id })
      .getCount();
    if (!others) throw new Conflict('last_admin', 'This is the last active administrator of the organization.');
  }

  private tell(tx: Tx, before: User, user: User): void {
    const { organization_id, id: user_id } = user;
    tx.tell('user.updated', { organization_id, user_id });
    if (mayAnswer(before) && !mayAnswer(user)) tx.tell('user.left', { organization_id, user_id, role: user.role });
    if (before.agent_status !== user.agent_status)
      tx.tell('agent.status_changed', {
        organization_id,
        agent_id: user_id,
        agent_name: user.full_name,
        status: user.agent_status,
        previous_status: before.agent_status,
        is_online: user.is_online,
        at: new Date(),
      });
  }
}

const isActiveAdmin = ({ role, is_active }: Pick<User, 'role' | 'is_active'>): boolean => role === Role.org_admin && is_active;

/** They have a door of their own, and oneself may not go through it. */
const otherPermissions = (self: boolean): AppError =>
  self
    ? new Forbidden('cannot_modify_self', 'Your own permissions are for another administrator to change.')
    : Invalid.field('permissions', 'are changed at PUT /api/v1/users/{user_id}/permissions');

/** What an audit entry calls the change: by the weightiest part of it. */
function actionOf({ is_active, role, ...others }: Partial<User>): string {
  if (is_active !== undefined) return is_active ? 'user.activated' : 'user.deactivated';
  if (role !== undefined) return 'user.role_changed';
  return Object.keys(others).join() === 'agent_status' ? 'user.status_changed' : 'user.updated';
}

/** The user as an actor in their own organization. */
const homeOf = (user: User): Actor & { user_id: string } =>
  new Actor(user.organization_id, user.role, user.id) as Actor & { user_id: string };

const sameIds = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...b].sort());
