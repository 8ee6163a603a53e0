import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { Database } from '#database/database';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import type { Credential } from './credential.entity';
import { OwnPassword } from './own-password';
import { Passwords } from './passwords';
import type { ChangePasswordRequest } from './user.dto';
import { User } from './user.entity';
import { UsersService } from './users.service';
import { visible } from './visible-user';

@Injectable()
export class ChangePassword {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly passwords: Passwords,
    private readonly own: OwnPassword,
    private readonly users: UsersService,
  ) {}

  /**
   * Another password, one's own with the present one. Every session of theirs ends; of one's own the caller's goes on with its next refresh.
   * @throws {Invalid} It breaks the policy, or is the present one; current_password is missing. @throws as `OwnPassword`.
   */
  async change(actor: Actor, id: string, { current_password, new_password }: ChangePasswordRequest): Promise<void> {
    const self = id === actor.user_id;
    const user = visible(actor, await this.database.repository(User).find(actor, id));
    if (self) await this.own.assert(actor, user, current_password);
    const { security_settings } = await this.organizations.settings(actor);
    this.passwords.check(new_password, user.email, { field: 'new_password', min_length: security_settings.password_min_length });
    const [credential] = await this.database.rows<Pick<Credential, 'password_hash'> | undefined>(
      'SELECT password_hash FROM credentials WHERE organization_id = $1 AND user_id = $2',
      [actor.organization_id, id],
    );
    if (await this.passwords.inTurn(() => this.passwords.matches(credential?.password_hash, new_password)))
      throw Invalid.field('new_password', 'new_password must differ from the present one');
    const password_hash = await this.passwords.hash(new_password);
    await this.database.tx(async (tx) => {
      const locked = visible(actor, await this.database.repository(User, tx).lock(actor, id));
      await this.users.setPassword(tx, locked, password_hash, { reason: 'password_changed', keep: self ? actor.session_id : null });
      tx.audit(actor, 'user.password_changed', { resource: { id } });
    });
  }
}
