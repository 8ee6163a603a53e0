import { Injectable } from '@nestjs/common';
import { assertHolds } from '#access/sessions';
import type { Actor } from '#common/actor';
import { Invalid } from '#common/errors';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountAccess } from './account-access';
import type { Credential } from './credential.entity';
import { OwnPassword, currentPasswordIncorrect } from './own-password';
import { Passwords, anotherPassword } from './passwords';
import type { ChangePasswordRequest } from './user.dto';
import { User, effectivePermissions } from './user.entity';
import { lockMember, visible } from './visible-user';

@Injectable()
export class ChangePassword {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly passwords: Passwords,
    private readonly own: OwnPassword,
    private readonly access: AccountAccess,
  ) {}

  /**
   * Another password, one's own with the present one. Every session of theirs ends; of one's own the caller's goes on with its next refresh.
   * @throws {Invalid} It breaks the policy, or is the present one; current_password is missing. @throws as `OwnPassword`.
   */
  async change(asking: Actor, id: string, { current_password, new_password }: ChangePasswordRequest): Promise<void> {
    const self = id === asking.user_id;
    const actor = self ? asking.atHome : asking;
    const user = visible(actor, await this.database.repository(User).find(actor, id));
    if (!self) assertHolds(actor, effectivePermissions(user));
    const present = await hashOf(this.database, actor, id);
    if (self) await this.own.assert(actor, user, current_password);
    const { security_settings } = await this.organizations.settings(actor);
    this.passwords.check(new_password, user.email, { field: 'new_password', min_length: security_settings.password_min_length });
    if (await this.passwords.inTurn(() => this.passwords.matches(present, new_password)))
      throw Invalid.field('new_password', 'new_password must differ from the present one');
    const password_hash = await this.passwords.hash(new_password);
    await this.database.tx(async (tx) => {
      const locked = await lockMember(tx, actor, id);
      // Who resets a lost password meanwhile has the last word.
      if (self && (await hashOf(tx, actor, id)) !== present) throw currentPasswordIncorrect();
      await this.access.setPassword(tx, locked, password_hash, { reason: 'password_changed', keep: self ? actor.session_id : null });
      tx.audit(actor, 'user.password_changed', { resource: { id }, ...anotherPassword(present !== null) });
    });
  }
}

async function hashOf(sql: Sql, { organization_id }: Actor, id: string): Promise<string | null> {
  const [credential] = await sql.rows<Pick<Credential, 'password_hash'> | undefined>(
    'SELECT password_hash FROM credentials WHERE organization_id = $1 AND user_id = $2',
    [organization_id, id],
  );
  return credential?.password_hash ?? null;
}
