import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { Conflict } from '#common/errors';
import type { Tx } from '#database/database';
import type { MailValues } from '#mail/mail-texts';
import { Mails } from '#mail/mails';
import { Followers, type Founder, type LeftOut, type Step } from '#modules/organizations/followers';
import { restorableUntil } from '#modules/organizations/grace';
import type { Organization } from '#modules/organizations/organization.entity';
import { trialEndsOn } from '#modules/organizations/organization-settings';
import '#modules/organizations/organizations.mails';
import type { Addressee } from './account-mails';
import { NewUsers } from './new-users';
import { Passwords } from './passwords';
import type { User } from './user.entity';

/** What becomes of the people of an organization as it lives, and what its administrators are told by mail. */
@Injectable()
export class FollowOrganization {
  constructor(
    private readonly users: NewUsers,
    private readonly passwords: Passwords,
    private readonly mails: Mails,
    followers: Followers,
  ) {
    followers.add({
      founder: (founder) => this.founder(founder),
      stepped: (tx, organization, step) => this.follow(tx, organization, step),
      returning: (tx, organization) => this.comeBack(tx, organization),
      trialEnding: (tx, organization) => this.mail(tx, organization, 'trial_ending'),
    });
  }

  private async founder({
    email,
    full_name,
    password,
    password_min_length: min_length,
  }: Founder): Promise<(tx: Tx, actor: Actor) => Promise<void>> {
    if (password !== null) this.passwords.check(password, email, { field: 'admin_password', min_length });
    const password_hash = password === null ? null : await this.passwords.hash(password);
    return async (tx, actor) => {
      await this.users.welcome(tx, actor, { email, full_name, role: Role.org_admin }, password_hash);
    };
  }

  private async follow(tx: Tx, organization: Organization, step: Step): Promise<void> {
    await this.mail(tx, organization, step);
    if (step === 'deleted') await this.leave(tx, organization);
  }

  private async mail(tx: Tx, organization: Organization, step: Step | 'trial_ending'): Promise<void> {
    const admins = await tx.rows<Addressee>(
      `SELECT organization_id, id, email, language FROM users
        WHERE organization_id = $1 AND role = 'org_admin' AND is_active AND deleted_at IS NULL`,
      [organization.id],
    );
    const values: MailValues = {
      organization: organization.name,
      reason: organization.suspension_reason ?? '-',
      until: restorableUntil(organization)?.toISOString().slice(0, 10) ?? '',
      ends_on: trialEndsOn(organization) ?? '',
      plan: organization.plan_type,
      link: this.mails.link('/'),
    };
    await this.mails.queueAll(
      tx,
      admins.map(({ organization_id, id, email, language }) => ({
        organization_id,
        // Not the account's own row's: it is to reach them though the account goes.
        user_id: step === 'deleted' ? null : id,
        to: email,
        language,
        mail: `organizations.${step}`,
        values,
      })),
    );
  }

  /** Their e-mails are free. The time is the organization's own, by which those who were deleted before are told from them. */
  private async leave(tx: Tx, { id, deleted_at }: Organization): Promise<void> {
    await tx.rows(
      'UPDATE users SET deleted_at = $2, is_online = false, updated_at = now() WHERE organization_id = $1 AND deleted_at IS NULL',
      [id, deleted_at],
    );
  }

  /** Who has an account elsewhere by now stays there. @throws {Conflict} `last_admin`: so do all who administered it. */
  private async comeBack(tx: Tx, { id, deleted_at }: Organization): Promise<LeftOut[]> {
    const back = await tx.rows<{ is_admin: boolean }>(
      `UPDATE users u SET deleted_at = NULL, updated_at = now()
        WHERE u.organization_id = $1 AND u.deleted_at = $2
          AND NOT EXISTS (SELECT FROM users other WHERE other.email = u.email AND other.deleted_at IS NULL)
        RETURNING role = 'org_admin' AND is_active AND NOT invite_pending AS is_admin`,
      [id, deleted_at],
    );
    const left = await tx.rows<LeftOut & Pick<User, 'is_active'>>(
      'SELECT id, email, full_name, role, is_active FROM users WHERE organization_id = $1 AND deleted_at = $2 ORDER BY created_at, id',
      [id, deleted_at],
    );
    const admins = left.filter(({ role, is_active }) => role === Role.org_admin && is_active);
    if (admins.length && !back.some(({ is_admin }) => is_admin))
      throw new Conflict(
        'last_admin',
        `Nobody would administer it: its administrators' e-mails (${listed(admins)}) have accounts elsewhere. Delete one of these, or give it another e-mail, and restore again.`,
      );
    return left.map(({ is_active: _, ...user }) => user);
  }
}

/** The first of them, in a sentence. */
const listed = (users: readonly LeftOut[]): string =>
  users
    .slice(0, 5)
    .map(({ email }) => email)
    .join(', ');
