import { Injectable } from '@nestjs/common';
import { type Actor, Role } from '#common/actor';
import { Conflict, Invalid } from '#common/errors';
import { overlaid } from '#common/given';
import type { Page } from '#common/page.dto';
import { isDay } from '#common/period';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import { Followers } from './followers';
import { listOrganizations } from './list-organizations';
import type { OrganizationAdminUpdate, OrganizationCreate, OrganizationPlanUpdate, OrganizationQuery } from './organization.dto';
import { type Organization, PlanType } from './organization.entity';
import { mergeSettings, readSettings, settingsOf } from './organization-settings';
import { OrganizationsService, inside } from './organizations.service';
import { SYSTEM_SLUG, assertNotOurs } from './slugs';

const RANK = Object.values(PlanType);

/** What super admins do to organizations: all of them, by name. */
@Injectable()
export class ManageOrganizations {
  constructor(
    private readonly database: Database,
    private readonly organizations: OrganizationsService,
    private readonly followers: Followers,
  ) {}

  /** All organizations; who is no super admin finds their own alone. */
  async page(actor: Actor, query: OrganizationQuery): Promise<Page<Organization>> {
    const only = actor.role === Role.super_admin ? null : actor.organization_id;
    const page = await listOrganizations(this.database, query, only);
    return { ...page, items: await this.organizations.presentAll(page.items) };
  }

  /**
   * A new organization, with its first administrator where an e-mail is given.
   * @throws {Conflict} The slug, domain or e-mail is taken.
   */
  async create(actor: Actor, input: OrganizationCreate, ip: string | null): Promise<Organization> {
    const { name, plan_type = PlanType.free, settings, admin_email, admin_full_name, admin_password, ...values } = input;
    assertNotOurs(values.slug);
    const given = settings ? mergeSettings({}, await readSettings(settings), ip) : {};
    const { password_min_length } = settingsOf({ settings: given }).security_settings;
    const founder = admin_email
      ? { email: admin_email, full_name: admin_full_name ?? nameIn(admin_email), password: admin_password ?? null, password_min_length }
      : null;
    const makeFounder = founder && (await this.followers.founder(founder));
    const created = await this.database.tx(async (tx) => {
      const organization = await this.organizations.create(tx, name, { ...values, plan_type, settings: given });
      const { id, slug } = organization;
      const target = actor.within(id);
      tx.audit(target, 'organization.created', { resource: organization, after: organization, metadata: { slug, plan_type } });
      await makeFounder?.(tx, target);
      return organization;
    });
    return this.organizations.present(created);
  }

  /**
   * Profile and settings; a super admin also slug, domain and limits of its own, which others ask for in vain.
   * @throws {NotFound} Another organization, and no super admin. @throws {Conflict} The slug or the domain is taken.
   */
  async update(actor: Actor, id: string, input: OrganizationAdminUpdate, ip: string | null): Promise<Organization> {
    const target = inside(actor, id);
    const { settings, slug, domain, plan_limits, ...profile } = input;
    const given = settings && (await readSettings(settings));
    const changed = await this.database.tx(async (tx) => {
      const before = await this.organizations.lock(tx, target);
      const operated = actor.role === Role.super_admin ? operatedBy(before, { slug, domain, plan_limits }) : {};
      const after = await this.organizations.save(tx, target, { ...profile, ...operated }, 'organization.updated');
      return given ? this.organizations.saveSettings(tx, target, given, ip) : after;
    });
    return this.organizations.present(changed);
  }

  /** Any plan; ends a trial. @throws {Invalid} The subscription ends before it starts. */
  setPlan(actor: Actor, id: string, input: OrganizationPlanUpdate): Promise<Organization> {
    return this.changePlan(actor, id, input);
  }

  /** @throws {Conflict} `invalid_state`: the plan is not a higher one. */
  upgrade(actor: Actor, id: string, plan_type: PlanType): Promise<Organization> {
    return this.changePlan(actor, id, { plan_type }, (before) => {
      if (RANK.indexOf(plan_type) <= RANK.indexOf(before.plan_type))
        throw new Conflict('invalid_state', `The plan is ${before.plan_type}; an upgrade leads to a higher one than that.`);
    });
  }

  private async changePlan(
    actor: Actor,
    id: string,
    { plan_type, subscription_starts_at, subscription_ends_at }: OrganizationPlanUpdate,
    check: (before: Organization) => void = () => undefined,
  ): Promise<Organization> {
    const target = inside(actor, id);
    const changed = await this.database.tx(async (tx) => {
      const before = await this.organizations.lock(tx, target);
      check(before);
      const { timezone } = settingsOf(before);
      const starts = await instantOf(tx, subscription_starts_at, timezone, 'start');
      const ends = await instantOf(tx, subscription_ends_at, timezone, 'end');
      const changes = {
        plan_type,
        is_trial: false,
        subscription_starts_at: starts === undefined ? before.subscription_starts_at : starts,
        subscription_ends_at: ends === undefined ? before.subscription_ends_at : ends,
      };
      if (changes.subscription_starts_at && changes.subscription_ends_at && changes.subscription_ends_at <= changes.subscription_starts_at)
        throw Invalid.field('subscription_ends_at', 'subscription_ends_at must be after subscription_starts_at');
      return this.organizations.save(tx, target, changes, 'organization.plan_changed');
    });
    return this.organizations.present(changed);
  }
}

/** What a super admin changes beside the profile. */
function operatedBy(before: Organization, { slug, domain, plan_limits }: OrganizationAdminUpdate): Partial<Organization> {
  if (slug !== undefined && slug !== before.slug) {
    assertNotOurs(slug);
    if (before.slug === SYSTEM_SLUG) throw new Conflict('invalid_state', "PyTake's own organization is found by its slug, which stays.");
  }
  return { slug, domain, ...(plan_limits && { plan_limit_overrides: overlaid(before.plan_limit_overrides, plan_limits) }) };
}

/** A day counts from its start, or to its end, where the organization is. Absent stays absent. */
async function instantOf(
  sql: Sql,
  time: string | null | undefined,
  zone: string,
  bound: 'start' | 'end',
): Promise<Date | null | undefined> {
  if (time === null || time === undefined) return time;
  if (!isDay(time)) return new Date(time);
  const [{ at }] = await sql.rows<{ at: Date }>('SELECT ($1::date + $2::int)::timestamp AT TIME ZONE $3 AS at', [
    time,
    bound === 'start' ? 0 : 1,
    zone,
  ]);
  return at;
}

/** At least two characters long, as names are. */
const nameIn = (email: string): string => email.split('@')[0].padEnd(2, '.');
