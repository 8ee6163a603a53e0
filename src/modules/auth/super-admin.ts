import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { PlanType } from '#modules/organizations/organization.entity';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { SYSTEM_SLUG } from '#modules/organizations/slugs';
import { NewUsers } from '#modules/users/new-users';
import { Passwords } from '#modules/users/passwords';
import type { User } from '#modules/users/user.entity';

/** Super admins: the first from SUPER_ADMIN_EMAIL and SUPER_ADMIN_PASSWORD, others by the console (`Operator`); no route can make one. */
@Injectable()
export class SuperAdmin implements OnApplicationBootstrap {
  private readonly logger = new Logger(SuperAdmin.name);

  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: NewUsers,
    private readonly passwords: Passwords,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { super_admin_email: email, super_admin_password: password } = this.config;
    if (!email || !password) return;
    this.passwords.check(password, email);
    await this.database.tx(async (tx) => {
      // Processes that start together wait here for each other.
      await tx.rows(`SELECT pg_advisory_xact_lock(hashtext('pytake-super-admin'))`);
      const [known] = await tx.rows<{ role: Role } | undefined>('SELECT role FROM users WHERE email = $1 AND deleted_at IS NULL', [email]);
      if (known && known.role !== Role.super_admin)
        this.logger.warn('SUPER_ADMIN_EMAIL belongs to a user who is no super admin: choose another');
      if (known) return;
      await this.add(tx, email, 'Super Admin', password);
    });
  }

  /** One more super admin, in the organization that is PyTake's own. */
  async add(tx: Tx, email: string, full_name: string, password: string): Promise<User> {
    const [system] = await tx.rows<{ id: string } | undefined>('SELECT id FROM organizations WHERE slug = $1 AND deleted_at IS NULL', [
      SYSTEM_SLUG,
    ]);
    const { id } = system ?? (await this.organizations.create(tx, 'PyTake', { slug: SYSTEM_SLUG, plan_type: PlanType.enterprise }));
    const values = { email, full_name, role: Role.super_admin, email_verified: true, email_verified_at: new Date() };
    return this.users.add(tx, Actor.system(id), values, await this.passwords.hash(password));
  }
}
