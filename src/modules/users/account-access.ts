import { Injectable } from '@nestjs/common';
import { Sessions } from '#access/sessions';
import type { Actor } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import type { Sql } from '#database/sql';
import { AccountMails, type Addressee } from './account-mails';
import { Invitations } from './invitations';
import { LoginLocks } from './login-locks';
import { MailedTokens } from './mailed-tokens';
import type { User } from './user.entity';

/** How somebody gets into their account: by a password, by what is mailed to their address, past a lock. */
@Injectable()
export class AccountAccess {
  constructor(
    private readonly sessions: Sessions,
    private readonly locks: LoginLocks,
    private readonly invitations: Invitations,
    private readonly mails: AccountMails,
    private readonly tokens: MailedTokens,
  ) {}

  /** Who signs in, from where. */
  async noteLogin(tx: Tx, user: Pick<User, 'id' | 'organization_id'>, ip: string | null): Promise<void> {
    await tx.rows('UPDATE users SET last_login_at = now(), last_login_ip = $3 WHERE organization_id = $1 AND id = $2', [
      user.organization_id,
      user.id,
      ip,
    ]);
  }

  /**
   * Their password from now on; it also accepts an invitation. Every session ends but the one to keep, which gets its next access token by a refresh.
   * Also by who resets a lost password. They are told. @throws {Conflict} `already_anonymized`.
   */
  async setPassword(
    tx: Tx,
    { organization_id, id }: Pick<User, 'organization_id' | 'id'>,
    password_hash: string,
    { reason = 'password_reset', keep = null }: { reason?: string; keep?: string | null } = {},
  ): Promise<void> {
    // The user's row before their credentials, as at the login: two that meet here wait, and do not hold each other.
    const [user] = await tx.rows<Addressee & { was_invited: boolean }>(
      `UPDATE users u SET invite_pending = false, updated_at = now() FROM users before
        WHERE u.organization_id = $1 AND u.id = $2 AND before.organization_id = u.organization_id AND before.id = u.id
       RETURNING u.organization_id, u.id, u.email, u.language, before.invite_pending AS was_invited`,
      [organization_id, id],
    );
    const [set] = await tx.rows<unknown>(
      'UPDATE credentials SET password_hash = $3, password_changed_at = now() WHERE organization_id = $1 AND user_id = $2 RETURNING user_id',
      [organization_id, id, password_hash],
    );
    // Their credentials went with who they were.
    if (!set) throw new Conflict('already_anonymized', 'The user is nobody’s already: no password lets anybody in.');
    // A link that waits in a mailbox sets no other one.
    await this.tokens.revoke(tx, user, ['invitation', 'password_reset']);
    if (!user.was_invited) {
      await this.mails.passwordChanged(tx, user);
      tx.tell('user.password_changed', { organization_id, user_id: id });
    }
    await this.sessions.endAll(tx, id, reason, keep);
  }

  /** They read the mail of the account's address. */
  async confirmEmail(tx: Tx, { organization_id, id }: Pick<User, 'organization_id' | 'id'>): Promise<void> {
    const changed = await tx.rows<unknown>(
      `UPDATE users SET email_verified = true, email_verified_at = now(), updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND NOT email_verified RETURNING id`,
      [organization_id, id],
    );
    if (changed.length) tx.tell('user.updated', { organization_id, user_id: id });
  }

  /** What was mailed to the old address is dead, and it is told; the new one is asked for, by an invitation where there is no password yet. */
  async moveMailbox(tx: Tx, actor: Actor, user: User, old_email: string): Promise<void> {
    await this.tokens.revoke(tx, user, ['invitation', 'password_reset', 'email_verification']);
    if (user.invite_pending) return void (await this.invitations.send(tx, actor, user));
    await this.mails.verifyEmail(tx, user);
    await this.mails.emailChanged(tx, { ...user, email: old_email });
  }

  /** Wrong passwords so far count no more. */
  unlock(email: string, sql?: Sql): Promise<void> {
    return this.locks.clear(email, sql);
  }
}
