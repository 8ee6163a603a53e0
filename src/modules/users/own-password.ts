import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { BadRequest, Invalid } from '#common/errors';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { Credential } from './credential.entity';
import { LoginLocks, accountLocked } from './login-locks';
import type { User } from './user.entity';

/** A stolen token must not become a stolen account: what gives the account away needs the password, and guesses count as at the login. */
@Injectable()
export class OwnPassword {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly locks: LoginLocks,
  ) {}

  /** @throws {Invalid} It is missing. @throws {BadRequest} `current_password_incorrect`. @throws {Forbidden} `account_locked`. */
  async assert(actor: Actor, { id, email }: Pick<User, 'id' | 'email'>, current_password: string | null | undefined): Promise<void> {
    if (!current_password)
      throw Invalid.field('current_password', 'current_password is needed to change your own e-mail or password', undefined, 'missing');
    const [credential] = await this.database.rows<Pick<Credential, 'password_hash'> | undefined>(
      'SELECT password_hash FROM credentials WHERE organization_id = $1 AND user_id = $2',
      [actor.organization_id, id],
    );
    const { security_settings } = await this.organizations.settings(actor);
    const account = { password_hash: credential?.password_hash ?? null, rules: security_settings };
    // Not the last thing asked for: else who knows the password could guess at the codes of a second factor for ever, in between.
    const { right, locked_until } = await this.locks.guess(email, current_password, account, false);
    if (right) return;
    if (locked_until) throw accountLocked(locked_until);
    throw currentPasswordIncorrect();
  }
}

/** Not 401: clients would log out (contract 10, users). */
export const currentPasswordIncorrect = (): BadRequest => new BadRequest('current_password_incorrect', 'current_password is wrong.');
