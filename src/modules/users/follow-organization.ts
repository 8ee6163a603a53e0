import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import type { Tx } from '#database/database';
import type { MailValues } from '#mail/mail-texts';
import { Mails } from '#mail/mails';
import { Followers, type Founder, type Step } from '#modules/organizations/followers';
import { restorableUntil } from '#modules/organizations/grace';
import type { Organization } from '#modules/organizations/organization.entity';
import { trialEndsOn } from '#modules/organizations/organization-settings';
import '#modules/organizations/organizations.mails';
import type { Addressee } from './account-mails';
import { Invitations } from './invitations';
import { NewUsers } from './new-users';
import { Passwords } from './passwords';

/** What becomes of the people of an organization as it lives, and what its administrators are told by mail. */
@Injectable()
export class FollowOrganization {
  constructor(
    private readonly users: NewUsers,
    private readonly passwords: Passwords,
    private readonly invitations: Invitations,
    private readonly mails: Mails,
    followers: Followers,
  ) {
    followers.add({
      founder: (founder) => this.founder(founder),
      stepped: (tx, organization, step) => this.follow(tx, organization, step),
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
      const values = { email, full_name, role: Role.org_admin, invite_pending: password_hash === null };
      const user = await this.users.add(tx, actor, values, password_hash);
      tx.audit(actor, password_hash === null ? 'user.invited' : 'user.created', {
        resource: { id: user.id },
        metadata: { role: user.role },
      });
      if (password_hash === null) await this.invitations.send(tx, actor, user);
    };
  }

  private async follow(tx: Tx, organization: Organization, step: Step): Promise<void> {
    if (step === 'restored') await this.comeBack(tx, organization);
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

  /** Who has an account elsewhere by now stays there. */
  private async comeBack(tx: Tx, { id, deleted_at }: Organization): Promise<void> {
    await tx.rows(
      `UPDATE users u SET deleted_at = NULL, updated_at = now()
        WHERE u.organization_id = $1 AND u.deleted_at = $2
          AND NOT EXISTS (SELECT FROM users other WHERE other.email = u.email AND other.deleted_at IS NULL)`,
      [id, deleted_at],
    );
  }
}
