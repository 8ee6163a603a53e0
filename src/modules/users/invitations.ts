import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Conflict, TooMany } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountMails } from './account-mails';
import { User } from './user.entity';
import { visible } from './visible-user';

const HOUR_SECONDS = 3600;

/** Accounts without a password yet: a mailed link, good once and for seven days, sets it (`POST /auth/reset-password`). */
@Injectable()
export class Invitations {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly mails: AccountMails,
  ) {}

  /** The one before it is dead. false: the address had its share of invitations for the hour. */
  async send(tx: Tx, actor: Actor, user: User): Promise<boolean> {
    const { name: organization } = await this.organizations.lock(tx, actor);
    const values = { full_name: user.full_name, organization };
    return this.mails.sendToken(tx, user, 'invitation', { mail: 'users.invited', page: '/reset-password', values });
  }

  /** @throws {Conflict} `invalid_state`: there is a password already, or the account is off. @throws {TooMany} */
  async resend(actor: Actor, id: string): Promise<void> {
    await this.database.tx(async (tx) => {
      await this.organizations.lock(tx, actor);
      const user = visible(actor, await this.database.repository(User, tx).lock(actor, id));
      if (!user.invite_pending || !user.is_active)
        throw new Conflict(
          'invalid_state',
          `${user.full_name} waits for no invitation: there is a password already, or the account is off.`,
        );
      if (!(await this.send(tx, actor, user)))
        throw new TooMany('rate_limit_exceeded', `${user.email} got enough invitations for now.`, HOUR_SECONDS);
      tx.audit(actor, 'user.invited', { resource: { id }, metadata: { role: user.role, again: true } });
    });
  }
}
