import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { BEFORE_ALL } from '#common/uuid';
import { Database } from '#database/database';
import { Followers, type Step } from './followers';
import { type Organization, PlanType } from './organization.entity';
import { settingsOf } from './organization-settings';
import { OrganizationsService } from './organizations.service';
import { PlanWarnings } from './plan-warnings';

/** People are told of it: in the morning, where they are. */
const AT_HOUR = 8;
/** What was not told by then waits for the next one. */
const MORNING_HOURS = 4;
/** Before the day on which a trial ends. */
const REMINDED_DAYS = 3;
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

  /** Tells of trials that end in three days, once for each end. What comes to stand within these days later is told of in the next morning. */
  async remind(now = new Date()): Promise<void> {
    const ending = await this.database.rows<Pick<Organization, 'id' | 'settings'> & { trial_ends_at: Date }>(
      `SELECT id, settings, trial_ends_at FROM organizations
        WHERE deleted_at IS NULL AND status = 'active' AND is_trial AND trial_ends_at > $1::timestamptz AND trial_ends_at < $1::timestamptz + make_interval(days => $2)
          AND trial_reminded_for IS DISTINCT FROM trial_ends_at
        ORDER BY trial_ends_at LIMIT 10000`,
      [now, REMINDED_DAYS + 2],
    );
    const [mornings, last] = await Promise.all([this.mornings(ending, now), this.daysBefore(ending)]);
    for (const [n, { id }] of ending.entries()) {
      const hours = (now.getTime() - mornings[n].getTime()) / 3_600_000;
      if (last[n] <= now && hours < MORNING_HOURS) await this.remindOf(id, now);
    }
  }

  /** Looks at what every organization that is at work uses. */
  async warn(): Promise<void> {
    for (let after: string = BEFORE_ALL; ;) {
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

  private async remindOf(id: string, now: Date): Promise<void> {
    await this.database.tx(async (tx) => {
      const organization = await this.organizations.lock(tx, Actor.system(id));
      const { is_trial, trial_ends_at, trial_reminded_for } = organization;
      if (!is_trial || !trial_ends_at || trial_ends_at <= now || trial_reminded_for?.getTime() === trial_ends_at.getTime()) return;
      await tx.rows('UPDATE organizations SET trial_reminded_for = trial_ends_at WHERE id = $1', [id]);
      await this.followers.trialEnding(tx, organization);
    });
  }

  /** The morning of the day that is so many days before the one on which each trial ends, where the organization is. */
  private async daysBefore(trials: readonly (Pick<Organization, 'settings'> & { trial_ends_at: Date })[]): Promise<Date[]> {
    const rows = await this.database.rows<{ at: Date }>(
      `SELECT (date_trunc('day', ends_at AT TIME ZONE zone) - make_interval(days => $3, hours => -$4::int)) AT TIME ZONE zone AS at
         FROM unnest($1::timestamptz[], $2::text[]) WITH ORDINALITY AS t(ends_at, zone, position) ORDER BY position`,
      [trials.map(({ trial_ends_at }) => trial_ends_at), trials.map((one) => settingsOf(one).timezone), REMINDED_DAYS, AT_HOUR],
    );
    return rows.map(({ at }) => at);
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
