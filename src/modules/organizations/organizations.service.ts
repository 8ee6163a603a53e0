import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { parse } from '#api/validation.pipe';
import type { Actor } from '#common/actor';
import { Forbidden, Invalid, NotFound } from '#common/errors';
import { isTimeZone } from '#common/fields';
import { inIpRanges, isIpRange } from '#common/ip-ranges';
import type { JsonObject } from '#common/json.scalar';
import { isDay } from '#common/period';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import type { Sql } from '#database/sql';
import type { Period } from '#database/narrow-period';
import { toBusinessHours } from './business-hours';
import { type OrganizationSettings, OrganizationSettingsUpdate, type OrganizationUpdate, SETTINGS_DEFAULTS } from './organization.dto';
import { Organization, OrganizationStatus, PlanType } from './organization.entity';
import type { PlanLimits, PlanUsage } from './plan.dto';
import { type PlanResource, planResources } from './plan-resources';
import { limitsOf } from './plans';

const SETTINGS_BYTES = 65_536;
const TRIAL_DAYS = 14;
const SLUG_MAX = 100;

@Injectable()
export class OrganizationsService {
  constructor(private readonly database: Database) {}

  /** The caller's organization as the API shows it. */
  async get(actor: Actor): Promise<Organization> {
    return this.present(await this.row(actor));
  }

  /** Its row alone: no counting. */
  summary(actor: Actor): Promise<Organization> {
    return this.row(actor);
  }

  async update(actor: Actor, input: OrganizationUpdate): Promise<Organization> {
    const changed = await this.database.tx((tx) => this.save(tx, actor, input, 'organization.updated'));
    return this.present(changed);
  }

  async settings(actor: Actor): Promise<OrganizationSettings> {
    return settingsOf(await this.row(actor));
  }

  /**
   * Merges top-level keys; null goes back to the default; keys we do not know are kept as given.
   * @throws {Invalid} A wrong value, ai_assistant (set by its own room), more than 64 KB, or IP ranges that shut the caller out.
   */
  async updateSettings(actor: Actor, input: JsonObject, ip: string | null): Promise<Organization> {
    if (typeof input !== 'object' || input === null || Array.isArray(input))
      throw new Invalid([{ loc: ['body'], msg: 'must be a JSON object', type: 'object_type' }]);
    if ('ai_assistant' in input) throw Invalid.field('ai_assistant', 'ai_assistant is set at /ai-assistant/settings');
    const entries = Object.entries(input);
    const known = await parse(
      OrganizationSettingsUpdate,
      Object.fromEntries(entries.filter(([key, value]) => key in SETTINGS_DEFAULTS && value !== null)),
    );
    if (known.business_hours) known.business_hours = toBusinessHours(known.business_hours);
    checkIpRanges(known.security_settings?.allowed_ip_ranges ?? [], ip);

    const changed = await this.database.tx(async (tx) => {
      const { settings } = await this.lock(tx, actor);
      const merged = Object.fromEntries(
        Object.entries({ ...settings, ...Object.fromEntries(entries), ...withoutEmpty(known) }).filter(([, value]) => value !== null),
      );
      if (Buffer.byteLength(JSON.stringify(merged)) > SETTINGS_BYTES)
        throw new Invalid([{ loc: ['body'], msg: 'settings must be at most 64 KB of JSON', type: 'too_long' }]);
      return this.save(tx, actor, { settings: merged }, 'organization.settings_updated');
    });
    return this.present(changed);
  }

  /** The bounds of a list, read as the organization's own days. */
  async period(actor: Actor, from?: string, to?: string): Promise<Period> {
    const days = [from, to].some((time) => time !== undefined && isDay(time));
    return { from, to, time_zone: days ? settingsOf(await this.row(actor)).timezone : SETTINGS_DEFAULTS.timezone };
  }

  /** A new organization on the free plan with a trial, or on the given plan without one. */
  async create(tx: Tx, name: string, values: { slug?: string; plan_type?: PlanType } = {}): Promise<Organization> {
    const id = newId();
    const trial = values.plan_type === undefined;
    for (let tries = 0; ; tries++) {
      const slug = values.slug ?? (await freeSlug(tx, name));
      const inserted = await tx.rows<unknown>(
        `INSERT INTO organizations (id, name, slug, plan_type, is_trial, trial_ends_at)
         VALUES ($1, $2, $3, $4, $5, CASE WHEN $5 THEN now() + $6 * interval '1 day' END) ON CONFLICT DO NOTHING RETURNING id`,
        [id, name, slug, values.plan_type ?? PlanType.free, trial, TRIAL_DAYS],
      );
      if (inserted.length) return tx.manager.getRepository(Organization).findOneByOrFail({ id });
      // Somebody took the slug between our look and our insert.
      if (tries === 20) throw new Error(`No free slug for "${name}"`);
    }
  }

  /** The organization's row, locked until the transaction ends: who decides on counts of its rows takes this lock. */
  lock(tx: Tx, actor: Actor): Promise<Organization> {
    return this.row(actor, tx.manager, true);
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
    if (used < max) return;
    const msg = `Your plan allows ${max} ${resource.replaceAll('_', ' ')}, and ${used} are in use.`;
    throw new Forbidden('plan_limit_exceeded', msg, {
      details: [{ msg, type: 'plan_limit_exceeded', limit: `max_${resource}`, max, current: used }],
    });
  }

  /** What the organization may have now. */
  async limits(actor: Actor, tx?: Tx): Promise<PlanLimits> {
    return limitsOf(await this.row(actor, tx?.manager));
  }

  private async present(organization: Organization): Promise<Organization> {
    const { deleted_at, plan_limit_overrides, settings, ...shown } = organization;
    return {
      ...shown,
      is_active: organization.status === OrganizationStatus.active,
      plan: organization.plan_type,
      plan_limits: limitsOf(organization),
      plan_usage: await this.usage(organization),
      settings: settingsOf(organization) as unknown as JsonObject,
    } as Organization;
  }

  private async usage(
    organization: Organization,
    resources: readonly string[] = [...planResources().keys()],
    sql: Sql = this.database,
  ): Promise<PlanUsage> {
    const counts = resources.map((resource) => `(${planResources().get(resource)?.usage}) AS ${resource}`);
    // A parameter's type must be known even where no count uses it.
    const [row] = await sql.rows<PlanUsage>(`SELECT ${counts.join(', ')}, $1::uuid AS id, $2::text AS timezone`, [
      organization.id,
      settingsOf(organization).timezone,
    ]);
    return Object.fromEntries(resources.map((resource) => [resource, row?.[resource] ?? 0]));
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

  private async save(tx: Tx, actor: Actor, values: Partial<Organization>, action: string): Promise<Organization> {
    const before = await this.lock(tx, actor);
    await tx.manager
      .createQueryBuilder()
      .update(Organization)
      .set({ ...values, updated_at: () => 'now()' } as never)
      .where('id = :id', { id: before.id })
      .execute();
    const after = await this.row(actor, tx.manager);
    const told = values.settings
      ? { before: before.settings, after: { ...nullsOf(before.settings), ...after.settings } }
      : { before, after: values };
    tx.tell('organization.updated', { organization_id: before.id });
    tx.audit(actor, action, { resource: after, ...told });
    return after;
  }
}

const nullsOf = (object: JsonObject): JsonObject => Object.fromEntries(Object.keys(object).map((key) => [key, null]));

/** Stored settings over the defaults, without the AI room's keys. */
export function settingsOf({ settings }: Pick<Organization, 'settings'>): OrganizationSettings {
  const stored = settings as Partial<OrganizationSettings> & { ai_assistant?: JsonObject };
  return {
    ...SETTINGS_DEFAULTS,
    ...stored,
    // Kept before PostgreSQL was asked, or where its tz data was another: no count by month may fail for it.
    timezone: stored.timezone && isTimeZone(stored.timezone) ? stored.timezone : SETTINGS_DEFAULTS.timezone,
    notification_settings: { ...SETTINGS_DEFAULTS.notification_settings, ...stored.notification_settings },
    security_settings: { ...SETTINGS_DEFAULTS.security_settings, ...stored.security_settings },
    privacy_settings: { ...SETTINGS_DEFAULTS.privacy_settings, ...stored.privacy_settings },
    ...(stored.ai_assistant && {
      ai_assistant: Object.fromEntries(Object.entries(stored.ai_assistant).filter(([key]) => !key.endsWith('_api_key'))),
    }),
  };
}

/** A name as it may stand in an address: lower case, no accents, dashes between words; `otherwise` where nothing of it is left. */
export function slugify(name: string, otherwise = 'organization'): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_MAX)
    .replace(/^-+|-+$/g, '');
  return slug || otherwise;
}

/** The name's slug, or it with the first free number: -1, -2, ... */
async function freeSlug(sql: Sql, name: string): Promise<string> {
  const slug = slugify(name);
  const base = slug.slice(0, SLUG_MAX - 10);
  // Slugs are unique over all organizations.
  const rows = await sql.rows<{ slug: string }>(
    `SELECT slug FROM organizations WHERE (slug = $1 OR slug ~ ('^' || $2 || '-[0-9]+$')) AND deleted_at IS NULL`,
    [slug, base],
  );
  const taken = new Set(rows.map((row) => row.slug));
  if (!taken.has(slug)) return slug;
  let number = 1;
  while (taken.has(`${base}-${number}`)) number++;
  return `${base}-${number}`;
}

function checkIpRanges(ranges: readonly string[], ip: string | null): void {
  const wrong = (msg: string): Invalid =>
    new Invalid([{ loc: ['body', 'security_settings', 'allowed_ip_ranges'], msg, type: 'value_error' }]);
  const odd = ranges.find((range) => !isIpRange(range));
  if (odd !== undefined) throw wrong(`"${odd}" is not a range such as 203.0.113.0/24`);
  if (ranges.length && ip !== null && !inIpRanges(ip, ranges)) throw wrong(`The ranges leave out your own address, ${ip}`);
}

/** Only what was given: no undefined, and inside a group no null, which is its default. */
function withoutEmpty(settings: Partial<OrganizationSettings>): JsonObject {
  const kept = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner == null ? [] : [[key, kept(inner)]])))
      : value;
  return kept(settings) as JsonObject;
}
