import { Injectable } from '@nestjs/common';
import { Sessions } from '#access/sessions';
import { type Actor } from '#common/actor';
import { Conflict, NotFound } from '#common/errors';
import { Database, type Tx } from '#database/database';
import { Followers, type Step } from './followers';
import { GRACE_DAYS } from './grace';
import { LeftOutReason, type RestoredOrganization } from './organization.dto';
import { type Organization, OrganizationStatus } from './organization.entity';
import { OrganizationsService, inside } from './organizations.service';
import { SYSTEM_SLUG, freeSlug } from './slugs';

/** Where a step leads, from wherever; the audit log calls it `organization.` and its name. */
const STATUS_AFTER = {
  activated: OrganizationStatus.active,
  deactivated: OrganizationStatus.inactive,
  suspended: OrganizationStatus.suspended,
} as const satisfies Partial<Record<Step, OrganizationStatus>>;

/**
 * active, inactive, suspended: each leads to each. Deleted: everything stops and is kept for 30 days, in which it can be restored to what it was; then
 * it is erased. A step to where it stands already changes nothing. Who moves it holds its row, so of two the second sees where the first has led.
 */
@Injectable()
export class OrganizationLife {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly sessions: Sessions,
    private readonly followers: Followers,
  ) {}

  activate(actor: Actor, id: string): Promise<Organization> {
    return this.move(actor, id, 'activated');
  }

  /** @throws {Conflict} `invalid_state`: one's own organization, or PyTake's. */
  deactivate(actor: Actor, id: string): Promise<Organization> {
    return this.move(actor, id, 'deactivated');
  }

  /** @throws {Conflict} `invalid_state`: one's own organization, or PyTake's. */
  suspend(actor: Actor, id: string, reason: string | null): Promise<Organization> {
    return this.move(actor, id, 'suspended', reason);
  }

  /** Its slug, domain and e-mails are free at once, its sessions end. @throws {Conflict} `invalid_state`: one's own organization, or PyTake's. */
  async remove(actor: Actor, id: string): Promise<void> {
    const target = inside(actor, id);
    await this.database.tx(async (tx) => {
      const organization = await this.organizations.lock(tx, target);
      assertNeither(actor, organization);
      const [{ deleted_at }] = await tx.rows<{ deleted_at: Date }>(
        'UPDATE organizations SET deleted_at = now(), updated_at = now() WHERE id = $1 RETURNING deleted_at',
        [id],
      );
      await this.followers.stepped(tx, { ...organization, deleted_at }, 'deleted');
      await this.sessions.endOrganization(tx, id, 'organization_deleted');
      tx.tell('organization.deleted', { organization_id: id });
      tx.tell('organization.updated', { organization_id: id });
      tx.audit(target, 'organization.deleted', { resource: organization, before: organization });
    });
  }

  /**
   * As it was before its deletion; where somebody has its slug or domain by now it has another slug, or no domain, and who has their e-mail elsewhere by
   * now is left out.
   * @throws {NotFound} Nobody's, or erased: more than 30 days have passed. @throws {Conflict} `last_admin`: all its administrators would be left out.
   */
  async restore(actor: Actor, id: string): Promise<RestoredOrganization> {
    const target = inside(actor, id);
    const { organization, left } = await this.database.tx(async (tx) => {
      const before = await this.organizations.lockAny(tx, id);
      if (!before?.deleted_at) return { organization: await this.organizations.lock(tx, target), left: [] };
      const [inTime] = await tx.rows(
        `UPDATE organizations r SET deleted_at = NULL, updated_at = now(), slug = $2,
                domain = CASE WHEN NOT EXISTS (SELECT FROM organizations o WHERE o.domain = r.domain AND o.deleted_at IS NULL) THEN r.domain END
          WHERE id = $1 AND deleted_at > now() - make_interval(days => $3) RETURNING id`,
        [id, await freeSlug(tx, before.slug), GRACE_DAYS],
      );
      if (!inTime) throw new NotFound('Organization');
      const left = await this.followers.returning(tx, before);
      await this.followers.stepped(tx, before, 'restored');
      const after = await this.organizations.lock(tx, target);
      tx.tell('organization.restored', { organization_id: id });
      tx.tell('organization.updated', { organization_id: id });
      const { slug, domain, deleted_at } = after;
      tx.audit(target, 'organization.restored', {
        resource: after,
        before,
        after: { slug, domain, deleted_at },
        metadata: { users_left_out: left.map((user) => user.id) },
      });
      return { organization: after, left };
    });
    const users_left_out = left.map((user) => ({ ...user, reason: LeftOutReason.email_in_use }));
    return { ...(await this.organizations.present(organization)), users_left_out };
  }

  private async move(actor: Actor, id: string, step: keyof typeof STATUS_AFTER, reason: string | null = null): Promise<Organization> {
    const target = inside(actor, id);
    const moved = await this.database.tx(async (tx) => {
      const before = await this.organizations.lock(tx, target);
      if (step !== 'activated') assertNeither(actor, before);
      const status = STATUS_AFTER[step];
      if (before.status === status) {
        // Nothing was done, and so the log says nothing.
        tx.audit(target, `organization.${step}`, { resource: before, before: {}, after: {} });
        return before;
      }
      return this.step(tx, target, before, step, {
        status,
        suspended_at: step === 'suspended' ? new Date() : null,
        suspension_reason: step === 'suspended' ? reason : null,
      });
    });
    return this.organizations.present(moved);
  }

  private async step(tx: Tx, target: Actor, before: Organization, step: Step, changes: Partial<Organization>): Promise<Organization> {
    const after = await this.organizations.save(tx, target, changes, `organization.${step}`);
    const { id: organization_id, status } = after;
    tx.tell('organization.status_changed', { organization_id, status, previous_status: before.status });
    await this.followers.stepped(tx, after, step);
    return after;
  }
}

/** What one stands in, and what PyTake itself stands in, is not taken away. @throws {Conflict} */
function assertNeither(actor: Actor, { id, slug }: Organization): void {
  if (slug === SYSTEM_SLUG) throw new Conflict('invalid_state', "PyTake's own organization stays as it is.");
  if (id === (actor.home_organization_id ?? actor.organization_id))
    throw new Conflict('invalid_state', 'Your own organization stays as it is: you would shut yourself out.');
}
