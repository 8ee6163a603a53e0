import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { LoginLocks } from './login-locks';
import { UserDepartments } from './user-departments';
import { type User, effectivePermissions } from './user.entity';

/** Users as the API shows them. */
@Injectable()
export class ShowUsers {
  constructor(
    private readonly locks: LoginLocks,
    private readonly departments: UserDepartments,
  ) {}

  async one(actor: Actor, user: User): Promise<User> {
    const [shown] = await this.all(actor, [user]);
    return shown;
  }

  /** Rows as the API shows them; rights, locks and addresses to the user themselves and administrators only. */
  async all(actor: Actor, users: readonly User[]): Promise<User[]> {
    const may = (user: User): boolean => actor.may(Role.org_admin) || user.id === actor.user_id;
    const emails = users.filter(may).map((user) => user.email);
    // One after the other: a GraphQL request, which shows users beside other things, has two connections in all.
    const locked = emails.length ? await this.locks.lockedUntilOf(emails) : new Map<string, Date>();
    const departments = await this.departments.of(
      actor,
      users.map(({ id }) => id),
    );
    return users.map((user) => {
      const { deleted_at, last_login_ip, custom_permissions, ...shown } = user;
      return {
        ...shown,
        name: user.full_name,
        department_ids: departments.get(user.id) ?? [],
        ...(may(user) && {
          permissions: effectivePermissions(user),
          locked_until: locked.get(user.email) ?? null,
          last_login_ip,
        }),
      } as unknown as User;
    });
  }
}
