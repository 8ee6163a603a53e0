import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type Actor, Role } from '#common/actor';
import { Forbidden, NotFound } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { isDay } from '#common/period';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import type { Period } from '#database/narrow-period';
import type { Sql } from '#database/sql';
import { restorableUntil } from './grace';
import {
  type OrganizationSettings,
  type OrganizationSettingsUpdate,
  type OrganizationStats,
  type OrganizationUpdate,
  SETTINGS_DEFAULTS,
} from './organization.dto';
import { Organization, OrganizationStatus, PlanType } from './organization.entity';
import { mergeSettings, settingsOf, toldOf } from './organization-settings';
import { statCounts } from './organization-stats';
import type { PlanLimits, PlanUsage } from './plan.dto';
import { PlanWarnings } from './plan-warnings';
import { type PlanResource, planResources } from './plan-resources';
import { limitsOf } from './plans';
import { freeSlug, slugify } from './slugs';

const TRIAL_DAYS = 14;

@Injectable()
export class OrganizationsService {
  constructor(
    private readonly database: Database,
    private readonly warnings: PlanWarnings,
  ) {}

  /** The caller's organization as the API shows it; a super admin may name another one. @throws {NotFound} */
  async get(actor: Actor, id = actor.organization_id): Promise<Organization> {
    return this.present(await this.row(inside(actor, id)));
  }

  /** Its row alone: no counting. */
  summary(actor: Actor): Promise<Organization> {
    return this.row(actor);
  }

  /** The row of an organization that is there or can still be had back; a super admin may name another one. @throws {NotFound} */
  async evenDeleted(actor: Actor, id: string): Promise<Organization> {
    const { organization_id } = inside(actor, id);
    const row = await this.database.manager.getRepository(Organization).findOne({ where: { id: organization_id }, withDeleted: true });
    const until = row && restorableUntil(row);
    if (!row || (until && until <= new Date())) throw new NotFound('Organization');
    return row;
  }

  async update(actor: Actor, input: OrganizationUpdate): Promise<Organization> {
    const changed = await this.database.tx((tx) => this.save(tx, actor, input, 'organization.updated'));
    return this.present(changed);
  }

  async settings(actor: Actor, tx?: Tx): Promise<OrganizationSettings> {
    return settingsOf(await this.row(actor, tx?.manager));
  }

  /**
   * Merges top-level keys; null goes back to the default; keys we do not know are kept as given.
   * @throws {Invalid} ai_assistant (set by its own room), more than 64 KB, or IP ranges that shut the caller out.
   */
  async updateSettings(actor: Actor, input: OrganizationSettingsUpdate, ip: string | null): Promise<Organization> {
    return this.present(await this.database.tx((tx) => this.saveSettings(tx, actor, input, ip)));
  }

  /** What it has, of every room. */
  async stats(actor: Actor, id = actor.organization_id): Promise<OrganizationStats> {
    const organization = await this.row(inside(actor, id));
    const [plan_usage, counts] = await Promise.all([this.usage(organization), this.count(organization, statCounts())]);
    return { ...counts, plan_limits: limitsOf(organization), plan_usage };
  }

  /** The bounds of a list, read as the organization's own days. */
  async period(actor: Actor, from?: string, to?: string): Promise<Period> {
    const days = [from, to].some((time) => time !== undefined && isDay(time));
    return { from, to, time_zone: days ? settingsOf(await this.row(actor)).timezone : SETTINGS_DEFAULTS.timezone };
  }

  /** A new organization on the free plan with a trial, or on the given plan with none but `trial_days`. @throws {Conflict} The slug or the domain is taken. */
  async create(tx: Tx, name: string, values: Partial<Organization> & { trial_days?: number } = {}): Promise<Organization> {
    const { slug = await freeSlug(tx, slugify(name)), plan_type, trial_days, ...others } = values;
    const days = trial_days ?? (plan_type === undefined ? TRIAL_DAYS : null);
    const organizations = tx.manager.getRepository(Organization);
    const row = {
      ...others,
      id: newId(),
      name,
      slug,
      plan_type: plan_type ?? PlanType.free,
      is_trial: days !== null,
      trial_ends_at: days === null ? null : new Date(Date.now() + days * 86_400_000),
    };
    await organizations.insert(row as never);
    tx.tell('organization.created', { organization_id: row.id });
    return organizations.findOneByOrFail({ id: row.id });
  }

  /** The organization's row, locked until the transaction ends: who decides on counts of its rows takes this lock. */
  lock(tx: Tx, actor: Actor): Promise<Organization> {
    return this.row(actor, tx.manager, true);
  }

  /** Any organization's row, deleted ones too, locked as above; null: nobody's. */
  lockAny(tx: Tx, id: string): Promise<Organization | null> {
    return tx.manager.getRepository(Organization).findOne({ where: { id }, withDeleted: true, lock: { mode: 'for_no_key_update' } });
  }

  /**
   * Room for one more of `resource`. `current` is counted here when it is not given. Inside a transaction the organization is locked, so
   * that two at once cannot take the last place.
   * @throws {Forbidden} `plan_limit_exceeded`, details name the limit.
   */
  async assertWithinPlan(actor: Actor, resource: PlanResource, current?: number, tx?: Tx): Promise<void> {
    const organization = tx ? await this.lock(tx, actor) : await this.row(actor);
    const max = limitsOf(organization)[`max_${resource}`];
    if (max === -1) return;
    const used = current ?? (await this.usage(organization, [resource], tx))[resource];
    if (used < max) {
      if (tx) await this.warnings.look(tx, organization, { [resource]: used + 1 });
      return;
    }
    const msg = `Your plan allows ${max} ${resource.replaceAll('_', ' ')}, and ${used} are in use.`;
    throw new Forbidden('plan_limit_exceeded', msg, {
      details: [{ msg, type: 'plan_limit_exceeded', limit: `max_${resource}`, max, current: used }],
    });
  }

  /** How many more of `resource` there may be; Infinity: no limit. Nobody is kept from making them meanwhile. */
  async roomFor(actor: Actor, resource: PlanResource, tx: Tx): Promise<number> {
    const organization = await this.row(actor, tx.manager);
    const max = limitsOf(organization)[`max_${resource}`];
    if (max === -1) return Infinity;
    const used = await this.usage(organization, [resource], tx);
    await this.warnings.look(tx, organization, used);
    return max - used[resource];
  }

  /** What the organization may have now. */
  async limits(actor: Actor, tx?: Tx): Promise<PlanLimits> {
    return limitsOf(await this.row(actor, tx?.manager));
  }

  /** Rows as the API shows them; what they use is counted in one query. */
  async present(organization: Organization): Promise<Organization> {
    const [shown] = await this.presentAll([organization]);
    return shown;
  }

  async presentAll(organizations: readonly Organization[]): Promise<Organization[]> {
    const usages = await this.countAll(organizations, usageCounts());
    return organizations.map((organization, n) => {
      const { deleted_at, plan_limit_overrides, trial_reminded_for, settings, ...shown } = organization;
      return {
        ...shown,
        is_active: organization.status === OrganizationStatus.active && !deleted_at,
        plan: organization.plan_type,
        plan_limits: limitsOf(organization),
        plan_usage: usages[n],
        restorable_until: restorableUntil(organization),
        settings: settingsOf(organization) as unknown as JsonObject,
      } as Organization;
    });
  }

  /** What is in use of what its plan limits; of all of it, if not told of what. */
  usage(organization: Organization, resources?: readonly string[], sql: Sql = this.database): Promise<PlanUsage> {
    return this.count(organization, usageCounts(resources), sql);
  }

  private async count(organization: Organization, counts: Record<string, string>, sql: Sql = this.database): Promise<PlanUsage> {
    const [counted] = await this.countAll([organization], counts, sql);
    return counted;
  }

  /** `counts`: SELECTs of one number of organization $1, whose time zone is $2, by name. */
  private async countAll(
    organizations: readonly Organization[],
    counts: Record<string, string>,
    sql: Sql = this.database,
  ): Promise<PlanUsage[]> {
    const columns = Object.entries(counts).map(
      ([name, count]) => `(${count.replaceAll('$1', 'o.id').replaceAll('$2', 'o.timezone')}) AS ${name}`,
    );
    const rows = await sql.rows<Record<string, number> & { position: string }>(
      `SELECT ${columns.join(', ')}, o.position FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS o(id, timezone, position)`,
      [organizations.map(({ id }) => id), organizations.map((organization) => settingsOf(organization).timezone)],
    );
    const counted = new Map(rows.map(({ position, ...numbers }) => [Number(position), numbers]));
    return organizations.map((_, n) => counted.get(n + 1) ?? {});
  }

  private async row(actor: Actor, manager: EntityManager = this.database.source.manager, locked = false): Promise<Organization> {
    // Its id is the wall here: the caller's organization and no other.
    const row = await manager.getRepository(Organization).findOne({
      where: { id: actor.organization_id },
      ...(locked && { lock: { mode: 'for_no_key_update' as const } }),
    });
    if (!row) throw new NotFound('Organization');
    return row;
  }

  /** Settings merged into those that are there. */
  async saveSettings(tx: Tx, actor: Actor, input: OrganizationSettingsUpdate, ip: string | null): Promise<Organization> {
    const { settings } = await this.lock(tx, actor);
    return this.save(tx, actor, { settings: mergeSettings(settings, input, ip) }, 'organization.settings_updated');
  }

  /** Writes, tells and audits a change of the actor's organization; `metadata` is for the audit log. */
  async save(
    tx: Tx,
    actor: Actor,
    values: Partial<Organization>,
    action: string,
    metadata?: Record<string, unknown>,
  ): Promise<Organization> {
    const before = await this.lock(tx, actor);
    await tx.manager
      .createQueryBuilder()
      .update(Organization)
      .set({ ...values, updated_at: () => 'now()' } as never)
      .where('id = :id', { id: before.id })
      .execute();
    const after = await this.row(actor, tx.manager);
    const told = values.settings ? toldOf(before.settings, after.settings) : { before, after: values };
    tx.tell('organization.updated', { organization_id: before.id });
    tx.audit(actor, action, { resource: after, ...told, metadata });
    return after;
  }
}

const usageCounts = (resources: readonly string[] = [...planResources().keys()]): Record<string, string> =>
  Object.fromEntries(resources.map((resource) => [resource, planResources().get(resource)?.usage ?? 'SELECT 0']));

/** The actor in the organization they name: their own, and a super admin in any. @throws {NotFound} */
export function inside(actor: Actor, id: string): Actor {
  if (id === actor.organization_id) return actor;
  if (actor.role !== Role.super_admin) throw new NotFound('Organization');
  return actor.within(id);
}
