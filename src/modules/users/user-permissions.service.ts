import { Injectable } from '@nestjs/common';
import { Sessions, assertHolds, assertMayAppoint } from '#access/sessions';
import { type Actor, Role } from '#common/actor';
import { Forbidden, Invalid } from '#common/errors';
import type { Page, PageQuery } from '#common/page.dto';
import { pageOfList } from '#common/page-of-list';
import { holds, isPermission, permissions, rolePermissions } from '#common/permissions';
import { Database } from '#database/database';
import { User, effectivePermissions } from './user.entity';
import type { PermissionView, PermissionsQuery, RoleView, UserPermissions } from './user-permissions.dto';
import { lockMember, visible } from './visible-user';

const ROLES: Record<Role, Pick<RoleView, 'label' | 'description'>> = {
  super_admin: { label: 'Super admin', description: 'Runs the installation, across organizations.' },
  org_admin: { label: 'Administrator', description: 'Everything in the organization: its team, numbers, settings and plan.' },
  agent: { label: 'Agent', description: 'Answers customers, and works with contacts and conversations.' },
  viewer: { label: 'Viewer', description: 'Sees the inbox and its figures, and changes nothing but the own account.' },
};

/** What users may do beside what their roles say. */
@Injectable()
export class UserPermissionsService {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
  ) {}

  async get(actor: Actor, id: string): Promise<UserPermissions> {
    return present(visible(actor, await this.database.repository(User).find(actor, id)));
  }

  /**
   * A list replaces the role's permissions, and can only narrow them; null goes back to these. Counts from the next request on.
   * @throws {Invalid} An unknown permission; `permission_not_allowed_for_role`. @throws {Forbidden} Oneself, a super admin, or more than one's own; `api_key_not_allowed`: a key and an administrator.
   */
  async update(actor: Actor, id: string, permissions: string[] | null): Promise<UserPermissions> {
    const unknown = permissions?.find((name) => !isPermission(name));
    if (unknown !== undefined) throw Invalid.field('permissions', `There is no permission "${unknown}"; GET /permissions lists them.`);
    if (id === actor.user_id) throw new Forbidden('cannot_modify_self', 'Your own permissions are for another administrator to change.');
    const custom_permissions = permissions && [...new Set(permissions)];
    const updated = await this.database.tx(async (tx) => {
      const before = await lockMember(tx, actor, id);
      if (before.role === Role.super_admin)
        throw new Forbidden('cannot_assign_role', 'A super admin has every permission, and nobody can narrow them.');
      assertMayAppoint(actor, before.role);
      const beyond = custom_permissions?.find((name) => !holds(rolePermissions(before.role), name));
      if (beyond !== undefined)
        throw Invalid.field('permissions', `${beyond} is more than the role ${before.role} allows.`, 'permission_not_allowed_for_role');
      assertHolds(actor, effectivePermissions({ role: before.role, custom_permissions }));
      tx.audit(actor, 'user.permissions_changed', { resource: { id }, before, after: { custom_permissions } });
      if (JSON.stringify(before.custom_permissions) === JSON.stringify(custom_permissions)) return before;
      const user = await this.database.repository(User, tx).patch(actor, id, { custom_permissions });
      this.sessions.changed(tx, id);
      tx.tell('user.updated', { organization_id: actor.organization_id, user_id: id });
      return user;
    });
    return present(updated);
  }

  /** The built-in roles: there are no others. */
  async roles(actor: Actor, query: PageQuery): Promise<Page<RoleView>> {
    const counts = await this.database.rows<{ role: Role; count: number }>(
      'SELECT role, count(*)::int AS count FROM users WHERE organization_id = $1 AND deleted_at IS NULL GROUP BY role',
      [actor.organization_id],
    );
    const roles = Object.values(Role).map((name): RoleView => {
      const hidden = name === Role.super_admin && actor.role !== Role.super_admin;
      const users_count = hidden ? 0 : (counts.find(({ role }) => role === name)?.count ?? 0);
      return {
        name,
        ...ROLES[name],
        is_system: true,
        assignable: name !== Role.super_admin,
        permissions: [...rolePermissions(name)],
        users_count,
      };
    });
    return pageOfList(roles, query, { search: ['name', 'label', 'description'], sort: ['name', 'label', 'users_count'] });
  }

  /** Everything a user can be allowed. */
  permissions({ resource, ...query }: PermissionsQuery): Page<PermissionView> {
    const rows = permissions().filter((permission) => resource === undefined || permission.resource === resource);
    return pageOfList(rows, query, { search: ['name', 'description'], sort: ['name', 'action', 'resource'] });
  }
}

const present = (user: User): UserPermissions => ({
  user_id: user.id,
  role: user.role,
  permissions: effectivePermissions(user),
  custom_permissions: user.custom_permissions ?? null,
  role_permissions: [...rolePermissions(user.role)],
});
