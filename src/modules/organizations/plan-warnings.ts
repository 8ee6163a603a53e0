import { Injectable } from '@nestjs/common';
import type { Tx } from '#database/database';
import { Followers } from './followers';
import type { Organization } from './organization.entity';
import { settingsOf } from './organization-settings';
import type { PlanUsage } from './plan.dto';
import { planResources } from './plan-resources';
import { limitsOf } from './plans';

/** At these shares of a limit administrators are told, once each. */
const PERCENTS = [80, 100];

const isBeyond = (used: number, max: number, percent: number): boolean => max > 0 && used * 100 >= max * percent;

/** Tells an organization's administrators of a limit before it stops them, and when it does. */
@Injectable()
export class PlanWarnings {
  constructor(private readonly followers: Followers) {}

  /** `used`: what is in use by now, of some or all of what the plan limits. */
  async look(tx: Tx, organization: Organization, used: PlanUsage): Promise<void> {
    const limits = limitsOf(organization);
    const near = Object.entries(used).flatMap(([resource, count]) =>
      PERCENTS.filter((percent) => isBeyond(count, limits[`max_${resource}`], percent)).map((percent) => ({
        resource,
        percent,
        used: count,
        max: limits[`max_${resource}`],
      })),
    );
    if (!near.length) return;
    const told = await tx.rows<{ resource: string; percent: number }>(
      `INSERT INTO plan_warnings AS w (organization_id, resource, percent, max, period)
       SELECT $1, n.resource, n.percent, n.max, CASE WHEN n.is_monthly THEN to_char(now() AT TIME ZONE $2, 'YYYY-MM') ELSE '' END
         FROM json_to_recordset($3) AS n(resource text, percent smallint, max bigint, is_monthly boolean)
       ON CONFLICT (organization_id, resource, percent) DO UPDATE SET max = excluded.max, period = excluded.period, told_at = now()
        WHERE (w.max, w.period) <> (excluded.max, excluded.period) RETURNING resource, percent`,
      [
        organization.id,
        settingsOf(organization).timezone,
        JSON.stringify(near.map((one) => ({ ...one, is_monthly: isMonthly(one.resource) }))),
      ],
    );
    for (const limit of near)
      if (told.some(({ resource, percent }) => resource === limit.resource && percent === limit.percent)) {
        tx.tell('organization.limit_near', { organization_id: organization.id, ...limit });
        await this.followers.nearLimit(tx, organization, limit);
      }
  }

  /** What fell below again may be told again. */
  async forget(tx: Tx, organization: Organization, used: PlanUsage): Promise<void> {
    const limits = limitsOf(organization);
    const below = Object.entries(used).flatMap(([resource, count]) =>
      PERCENTS.filter((percent) => !isBeyond(count, limits[`max_${resource}`], percent)).map((percent) => ({ resource, percent })),
    );
    await tx.rows(
      `DELETE FROM plan_warnings w USING json_to_recordset($2) AS b(resource text, percent smallint)
        WHERE w.organization_id = $1 AND w.resource = b.resource AND w.percent = b.percent`,
      [organization.id, JSON.stringify(below)],
    );
  }
}

const isMonthly = (resource: string): boolean => planResources().get(resource)?.is_monthly ?? false;
