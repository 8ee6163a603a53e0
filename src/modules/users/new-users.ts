import { Injectable } from '@nestjs/common';
import { assertHolds, assertMayAppoint } from '#access/sessions';
import { type Actor, Role } from '#common/actor';
import { Forbidden } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { Credential } from './credential.entity';
import { Invitations } from './invitations';
import { Passwords } from './passwords';
import { ShowUsers } from './show-users';
import { UserDepartments } from './user-departments';
import type { UserCreate } from './user.dto';
import { User, effectivePermissions, mayTell } from './user.entity';

/** How somebody comes into a team. */
@Injectable()
export class NewUsers {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly passwords: Passwords,
    private readonly invitations: Invitations,
    private readonly departments: UserDepartments,
    private readonly show: ShowUsers,
  ) {}

  /** @throws {Conflict} `email_already_registered`. @throws {NotFound} A department. @throws {Forbidden} They could do more than who adds them; `api_key_not_allowed`: a key adds an administrator. */
  async create(actor: Actor, { password, department_ids, name: _name, ...values }: UserCreate): Promise<User> {
    const { role = Role.agent } = values;
    if (role === Role.super_admin) throw new Forbidden('cannot_assign_role', 'Nobody can be made a super admin.');
    assertHolds(actor, effectivePermissions({ role, custom_permissions: null }));
    assertMayAppoint(actor, role);
    if (password != null) {
      const { security_settings } = await this.organizations.settings(actor);
      this.passwords.check(password, values.email, { min_length: security_settings.password_min_length });
    }
    const password_hash = password == null ? null : await this.passwords.hash(password);
    const user = await this.database.tx(async (tx) => {
      await this.organizations.assertWithinPlan(actor, 'users', undefined, tx);
      return this.welcome(tx, actor, { ...values, department_ids }, password_hash);
    });
    return this.show.one(actor, user);
  }

  /** A new user, said in the audit log, and with a mailed invitation where there is no password; who calls has checked what may be. */
  async welcome(tx: Tx, actor: Actor, { department_ids, ...values }: Partial<User>, password_hash: string | null): Promise<User> {
    const user = await this.add(tx, actor, { ...values, invite_pending: password_hash === null }, password_hash);
    if (department_ids) await this.departments.replace(tx, actor, user.id, department_ids);
    tx.audit(actor, password_hash === null ? 'user.invited' : 'user.created', {
      resource: { id: user.id },
      after: { ...user, department_ids },
      may_tell: mayTell,
      metadata: { role: user.role },
    });
    if (password_hash === null) await this.invitations.send(tx, actor, user);
    return user;
  }

  /** The rows of a new user; who calls has checked what may be. */
  async add(tx: Tx, actor: Actor, values: Partial<User>, password_hash: string | null): Promise<User> {
    const user = await this.database.repository(User, tx).insert(actor, values);
    await tx.manager.insert(Credential, { user_id: user.id, organization_id: user.organization_id, password_hash });
    tx.tell('user.created', { organization_id: user.organization_id, user_id: user.id });
    return user;
  }
}
