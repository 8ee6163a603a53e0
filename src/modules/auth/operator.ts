import { Injectable } from '@nestjs/common';
import { isEmail } from 'class-validator';
import { Actor, Role } from '#common/actor';
import { Database, type Tx } from '#database/database';
import type { Act } from '#database/tx';
import { settingsOf } from '#modules/organizations/organization-settings';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountAccess } from '#modules/users/account-access';
import { NewUsers } from '#modules/users/new-users';
import { Passwords, anotherPassword } from '#modules/users/passwords';
import { type User, mayTell } from '#modules/users/user.entity';
import { SuperAdmin } from './super-admin';
import { OFF, TwoFactors } from './two-factors';

/** A login as the operator sees it. */
export interface Account {
  id: string;
  email: string;
  full_name: string;
  role: Role;
  organization_id: string;
  organization: string;
  /** What keeps it from logging in; null: nothing. */
  closed: string | null;
  last_login_at: Date | null;
  settings: Record<string, unknown>;
}

/** An account and its new password, which is kept nowhere. */
export interface Handover {
  account: Account;
  password: string;
}

// Crosses organizations: the operator is who runs the machine.
const ACCOUNTS = `
  SELECT u.id, u.email, u.full_name, u.role, u.organization_id, o.name AS organization, u.last_login_at, o.settings,
         CASE WHEN NOT u.is_active THEN 'switched off' WHEN o.status <> 'active' AND u.role <> 'super_admin' THEN 'organization ' || o.status END AS closed
    FROM users u JOIN organizations o ON o.id = u.organization_id
   WHERE u.deleted_at IS NULL AND o.deleted_at IS NULL`;

/** What the one at the machine's console may do for who cannot log in (`npm run admin`). */
@Injectable()
export class Operator {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: NewUsers,
    private readonly access: AccountAccess,
    private readonly superAdmins: SuperAdmin,
    private readonly passwords: Passwords,
    private readonly twoFactors: TwoFactors,
  ) {}

  /** The administrators; with `all` everybody. */
  list({ all = false } = {}): Promise<Account[]> {
    return this.database.rows(`${ACCOUNTS} AND ($1 OR u.role IN ('super_admin', 'org_admin')) ORDER BY o.created_at, u.created_at`, [all]);
  }

  /** A super admin, or the administrator of a new organization. @throws One line for the console. */
  async create(email: string, full_name: string, organization: string | null): Promise<Handover> {
    const address = addressOf(email);
    if (await this.find(address))
      throw new Error(`${address} has an account already. "npm run admin -- reset-password ${address}" gives it a new password.`);
    const password = this.passwords.generate();
    await this.database.tx(async (tx) => {
      const user = await this.add(tx, address, full_name, organization, password);
      say(tx, 'user.created', user, { after: user, may_tell: mayTell, metadata: { role: user.role } });
    });
    return { account: await this.get(address), password };
  }

  /** A new password; ends every session and lifts a lock. @throws One line for the console. */
  async resetPassword(email: string): Promise<Handover> {
    const account = await this.get(addressOf(email));
    const password = this.passwords.generate(settingsOf(account).security_settings.password_min_length);
    const password_hash = await this.passwords.hash(password);
    await this.database.tx(async (tx) => {
      await this.access.setPassword(tx, account, password_hash);
      say(tx, 'user.password_reset', account, anotherPassword());
    });
    await this.access.unlock(account.email);
    return { account, password };
  }

  /** For who lost their phone and their recovery codes: the password alone lets in again. Ends every session and lifts a lock. @throws One line for the console. */
  async resetTwoFactor(email: string): Promise<Account> {
    const account = await this.get(addressOf(email));
    await this.database.tx(async (tx) => {
      if (!(await this.twoFactors.reset(tx, account))) throw new Error(`${account.email} has no second factor.`);
      say(tx, 'user.two_factor_reset', account, OFF);
    });
    return account;
  }

  private async add(tx: Tx, email: string, full_name: string, organization: string | null, password: string): Promise<User> {
    if (organization === null) return this.superAdmins.add(tx, email, full_name, password);
    const { id } = await this.organizations.create(tx, organization);
    const values = { email, full_name, role: Role.org_admin, email_verified: true, email_verified_at: new Date() };
    return this.users.add(tx, Actor.system(id), values, await this.passwords.hash(password));
  }

  private async get(email: string): Promise<Account> {
    const account = await this.find(email);
    if (!account) throw new Error(`Nobody has an account with ${email}. "npm run admin -- list" shows who is there.`);
    return account;
  }

  private async find(email: string): Promise<Account | undefined> {
    const [account] = await this.database.rows<Account | undefined>(`${ACCOUNTS} AND u.email = $1`, [email]);
    return account;
  }
}

function say(tx: Tx, action: string, { id, organization_id }: Pick<User, 'id' | 'organization_id'>, told: Act): void {
  tx.audit(Actor.system(organization_id), action, { ...told, resource: { id }, metadata: { ...told.metadata, by: 'operator' } });
}

/** @throws One line for the console. */
function addressOf(email: string): string {
  const address = email.trim().toLowerCase();
  if (!isEmail(address) || address.length > 255) throw new Error(`"${email}" is not an e-mail address.`);
  return address;
}
