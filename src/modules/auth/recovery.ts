import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Actor, Role } from '#common/actor';
import type { SuccessResponse } from '#common/success.dto';
import { Database, type Tx } from '#database/database';
import type { Act } from '#database/tx';
import { AuditService } from '#modules/audit/audit.service';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { AccountAccess } from '#modules/users/account-access';
import { AccountMails, type Addressee } from '#modules/users/account-mails';
import type { TokenPurpose } from '#modules/users/mailed-token.entity';
import { MailedTokens, type TokenOwner } from '#modules/users/mailed-tokens';
import { Passwords, anotherPassword } from '#modules/users/passwords';
import type { ForgotPasswordRequest, ResetPasswordRequest, VerifyEmailRequest } from './auth.dto';
import './auth.mails';

/** Who asks for a mail waits at least so long: what is done for a known e-mail takes a few of them, and shows no more. */
const ANSWER_MS = 250;
/** An invitation ends as a lost password does: with a password of one's own. */
const SETS_PASSWORD: readonly TokenPurpose[] = ['password_reset', 'invitation'];

interface Owner extends Addressee {
  role: Role;
  email_verified: boolean;
}

/** How those come in who read the account's mail: a lost password, a first one, an e-mail to be confirmed. */
@Injectable()
export class Recovery {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly access: AccountAccess,
    private readonly mails: AccountMails,
    private readonly tokens: MailedTokens,
    private readonly passwords: Passwords,
    private readonly audit: AuditService,
  ) {}

  /** Mails a link that sets a password. Who asks learns nothing of whether there is an account. */
  async forgotPassword({ email }: ForgotPasswordRequest): Promise<SuccessResponse> {
    await this.asked(email, 'auth.password_reset_requested', (tx, owner) =>
      this.mails.sendToken(tx, owner, 'password_reset', { mail: 'auth.password_reset', page: '/reset-password' }),
    );
    return { success: true, message: 'If an account has this e-mail, a message with a link is on its way.' };
  }

  /** Mails the link that confirms the e-mail again, where it is not confirmed. Answers alike for everybody. */
  async resendVerification({ email }: ForgotPasswordRequest): Promise<SuccessResponse> {
    await this.asked(email, 'auth.verification_requested', async (tx, owner) => !owner.email_verified && this.mails.verifyEmail(tx, owner));
    return { success: true, message: 'If an account has this e-mail and waits for it to be confirmed, a message is on its way.' };
  }

  /**
   * A new password by a mailed token: confirms the e-mail, lifts a lock, accepts an invitation, and ends every session.
   * @throws {BadRequest} `invalid_token`. @throws {Invalid} The password breaks the policy; the token stays good.
   */
  async resetPassword({ token, new_password }: ResetPasswordRequest): Promise<SuccessResponse> {
    const { organization_id, email } = await this.tokens.owner(this.database, token, SETS_PASSWORD);
    const { security_settings } = await this.organizations.settings(Actor.system(organization_id));
    this.passwords.check(new_password, email, { field: 'new_password', min_length: security_settings.password_min_length });
    const password_hash = await this.passwords.hash(new_password);
    await this.database.tx(async (tx) => {
      const owner = await this.tokens.redeem(tx, token, SETS_PASSWORD);
      await this.access.setPassword(tx, { organization_id, id: owner.user_id }, password_hash);
      await this.access.confirmEmail(tx, { organization_id, id: owner.user_id });
      const invitation = owner.purpose === 'invitation';
      say(tx, 'auth.password_reset', owner, { ...anotherPassword(!invitation), metadata: { invitation } });
      tx.afterCommit(() => this.access.unlock(owner.email));
    });
    return { success: true, message: 'The password is set. Sign in with it.' };
  }

  /** @throws {BadRequest} `invalid_token`. */
  async verifyEmail({ token }: VerifyEmailRequest): Promise<SuccessResponse> {
    await this.database.tx(async (tx) => {
      const owner = await this.tokens.redeem(tx, token, ['email_verification']);
      await this.access.confirmEmail(tx, { organization_id: owner.organization_id, id: owner.user_id });
      say(tx, 'auth.email_verified', owner, { before: { email_verified: false }, after: { email_verified: true } });
    });
    return { success: true, message: 'The e-mail is confirmed.' };
  }

  /** Takes as long, and says as much, whether anybody has the e-mail or not. `mail`: whether one was queued. */
  private async asked(email: string, action: string, mail: (tx: Tx, owner: Owner) => Promise<boolean>): Promise<void> {
    const done = async (): Promise<void> => {
      const owner = await this.ownerOf(email);
      // An entry is for good, and strangers would choose its words.
      if (!owner) return this.audit.nothing();
      await this.database.tx(async (tx) => {
        say(tx, action, { ...owner, user_id: owner.id }, { metadata: { mailed: await mail(tx, owner) } });
      });
    };
    await Promise.all([done(), sleep(ANSWER_MS)]);
  }

  /** Who may come in by their mail: nobody who is switched off, or whose organization is. */
  private async ownerOf(email: string): Promise<Owner | undefined> {
    // By the e-mail alone, as at the login.
    const [owner] = await this.database.rows<Owner | undefined>(
      `SELECT u.organization_id, u.id, u.email, u.language, u.role, u.email_verified
         FROM users u JOIN organizations o ON o.id = u.organization_id
        WHERE u.email = $1 AND u.is_active AND u.deleted_at IS NULL AND u.anonymized_at IS NULL AND o.deleted_at IS NULL AND (o.status = 'active' OR u.role = 'super_admin')`,
      [email],
    );
    return owner;
  }
}

/** Who it is about is who acts: they read the account's mail. */
function say(
  tx: Tx,
  action: string,
  { organization_id, user_id, role, email }: Omit<TokenOwner, 'purpose'>,
  told: Pick<Act, 'before' | 'after' | 'metadata'>,
): void {
  const actor = new Actor(organization_id, role, user_id);
  tx.audit(actor, action, { resource_type: 'user', resource: { id: user_id }, actor_email: email, ...told });
}
