import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import type { MailValues } from '#mail/mail-texts';
import { Mails } from '#mail/mails';
import type { TokenPurpose } from './mailed-token.entity';
import './users.mails';
import { MailedTokens } from './mailed-tokens';
import type { User } from './user.entity';

export type Addressee = Pick<User, 'organization_id' | 'id' | 'email' | 'language'>;

/** What an account is told by mail, whatever room it comes from. */
@Injectable()
export class AccountMails {
  constructor(
    private readonly mails: Mails,
    private readonly tokens: MailedTokens,
  ) {}

  /** Asks whether the address is theirs: after registration, and where it changed. */
  verifyEmail(tx: Tx, user: Addressee): Promise<boolean> {
    return this.sendToken(tx, user, 'email_verification', { mail: 'users.email_verification', page: '/verify-email' });
  }

  /** Said at every new password, so that a stolen account is noticed. */
  passwordChanged(tx: Tx, user: Addressee): Promise<boolean> {
    return this.tell(tx, user, 'users.password_changed', { email: user.email, link: this.mails.link('/forgot-password') });
  }

  /** Said to the address of before: who reads it may be the owner of an account that was just taken. */
  emailChanged(tx: Tx, user: Addressee): Promise<boolean> {
    return this.tell(tx, user, 'users.email_changed', {});
  }

  /** Somebody gave wrong passwords until the account was locked. */
  locked(tx: Tx, user: Addressee, minutes: number): Promise<boolean> {
    return this.tell(tx, user, 'users.locked', { email: user.email, minutes, link: this.mails.link('/forgot-password') });
  }

  /** A mail whose `link` leads to a page with a one-use token. false: as `tell`; then the token mailed before stays good. */
  sendToken(
    tx: Tx,
    user: Addressee,
    purpose: TokenPurpose,
    { mail, page, values = {} }: { mail: string; page: string; values?: MailValues },
  ): Promise<boolean> {
    return this.tokens.issue(tx, user, purpose, (token) => this.tell(tx, user, mail, { ...values, link: this.mails.link(page, token) }));
  }

  /** false: they had their share of this mail for the hour. */
  tell(tx: Tx, { organization_id, id, email, language }: Addressee, mail: string, values: MailValues): Promise<boolean> {
    return this.mails.queue(tx, { organization_id, user_id: id, to: email, language, mail, values });
  }
}
