import { Injectable } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import { Forbidden } from '#common/errors';
import { Config } from '#config/config';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountMails } from '#modules/users/account-mails';
import { NewUsers } from '#modules/users/new-users';
import { Passwords } from '#modules/users/passwords';
import type { AuthResponse, RegisterRequest } from './auth.dto';
import type { Client } from './client';
import { SessionTokens } from './session-tokens';

/** How an organization comes by itself, with its first administrator. */
@Injectable()
export class Registration {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly users: NewUsers,
    private readonly passwords: Passwords,
    private readonly mails: AccountMails,
    private readonly tokens: SessionTokens,
  ) {}

  /** `enroll` for strangers. @throws {Forbidden} `registration_disabled`. */
  async register(input: RegisterRequest, client: Client): Promise<AuthResponse> {
    if (!this.config.registration_enabled)
      throw new Forbidden('registration_disabled', 'Registration is closed here. Ask the operator of this server for an account.');
    return this.enroll(input, client);
  }

  /**
   * A new organization on trial with its first administrator, who is logged in at once, and asked by mail whether the address is theirs unless nobody reads it.
   * @throws {Conflict} `email_already_registered`.
   */
  async enroll(
    input: RegisterRequest,
    client: Client = { ip: null, user_agent: null },
    { mailed = true }: { mailed?: boolean } = {},
  ): Promise<AuthResponse> {
    this.passwords.check(input.password, input.email);
    const password_hash = await this.passwords.hash(input.password);
    const entered = await this.database.tx(async (tx) => {
      const organization = await this.organizations.create(tx, input.organization_name);
      const user = await this.users.add(
        tx,
        Actor.system(organization.id),
        { email: input.email, full_name: input.full_name, phone_number: input.phone_number ?? null, role: Role.org_admin },
        password_hash,
      );
      if (mailed) await this.mails.verifyEmail(tx, user);
      const { slug, plan_type, is_trial, trial_ends_at } = organization;
      const after = { slug, plan_type, is_trial, trial_ends_at, role: user.role };
      return this.tokens.open(tx, 'auth.register', { ...user, token_version: 1 }, client, { after });
    });
    return this.tokens.answer(entered, 'Registration successful');
  }
}
