import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Database } from '#database/database';
import { Followers, type Step } from './followers';
import { type Organization, PlanType } from './organization.entity';
import { settingsOf } from './organization-settings';
import { OrganizationsService } from './organizations.service';
import { PlanWarnings } from './plan-warnings';

/** People are told of it: in the morning, where they are. */
const AT_HOUR = 8;
const PAGE = 200;

/** Trials and subscriptions that have ended, and limits that come near, once a day where the organization is. */
@Injectable()
export class EndTerms {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly followers: Followers,
    private readonly warnings: PlanWarnings,
  ) {}

  /** Ends what had ended by the last morning of its organization. Each in a transaction of its own; one that fails is tried again by the next run. */
  async end(now = new Date()): Promise<void> {
    const due = await this.database.rows<Pick<Organization, 'id' | 'settings'> & { ended_at: Date }>(
      `SELECT id, settings, least(CASE WHEN is_trial THEN trial_ends_at END, CASE WHEN plan_type <> 'free' THEN subscription_ends_at END) AS ended_at
         FROM organizations
        WHERE deleted_at IS NULL AND ((is_trial AND trial_ends_at <= $1) OR (plan_type <> 'free' AND subscription_ends_at <= $1))
        ORDER BY 3 LIMIT 10000`,
      [now],
    );
    const mornings = await this.mornings(due, now);
    for (const [n, { id, ended_at }] of due.entries()) if (ended_at <= mornings[n]) await this.endOf(id, now);
  }

  /** Looks at what every organization that is at work uses. */
  async warn(): Promise<void> {
    for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
      const page = await this.database.rows<{ id: string }>(
        `SELECT id FROM organizations WHERE id > $1 AND status = 'active' AND deleted_at IS NULL ORDER BY id LIMIT ${PAGE}`,
        [after],
      );
      for (const { id } of page)
        await this.database.tx(async (tx) => {
          const organization = await this.organizations.lock(tx, Actor.system(id));
          const used = await this.organizations.usage(organization, undefined, tx);
          await this.warnings.forget(tx, organization, used);
          await this.warnings.look(tx, organization, used);
        });
      if (page.length < PAGE) return;
      after = page[PAGE - 1].id;
    }
  }

  private async endOf(id: string, now: Date): Promise<void> {
    const actor = Actor.system(id);
    await this.database.tx(async (tx) => {
      const before = await this.organizations.lock(tx, actor);
      const ended = (at: Date | null): boolean => at !== null && at <= now;
      const changes: Partial<Organization> = {};
      const steps: Step[] = [];
      if (before.is_trial && ended(before.trial_ends_at)) {
        changes.is_trial = false;
        steps.push('trial_ended');
      }
      if (before.plan_type !== PlanType.free && ended(before.subscription_ends_at)) {
        changes.plan_type = PlanType.free;
        steps.push('subscription_ended');
      }
      if (!steps.length) return;
      const after = await this.organizations.save(tx, actor, changes, 'organization.plan_changed', { reasons: steps });
      for (const step of steps) await this.followers.stepped(tx, after, step);
    });
  }

  /** When it was last morning in each organization. */
  private async mornings(organizations: readonly Pick<Organization, 'settings'>[], now: Date): Promise<Date[]> {
    const rows = await this.database.rows<{ at: Date }>(
      `SELECT (date_trunc('day', ($1::timestamptz AT TIME ZONE zone) - make_interval(hours => $3)) + make_interval(hours => $3)) AT TIME ZONE zone AS at
         FROM unnest($2::text[]) WITH ORDINALITY AS z(zone, position) ORDER BY position`,
      [now, organizations.map((organization) => settingsOf(organization).timezone), AT_HOUR],
    );
    return rows.map(({ at }) => at);
  }
}
