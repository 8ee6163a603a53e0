import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '#database/database';
import { type Sql, prepared } from '#database/sql';
import type { NumberRateLimits } from '../numbers/whatsapp-number.dto';

/** Meta's tiers: people a portfolio may write to first, within any day. One that was not told is the least of a verified business. */
const UNKNOWN_TIER = 250;
/** As a limit may once have been set, or be told: more people than there are. */
const INT_MAX = 2 ** 31 - 1;

/** A number whose portfolio is asked of. */
export interface OfPortfolio {
  organization_id: string;
  whatsapp_number_id: string;
  whatsapp_business_account_id: string | null;
  messaging_limit_tier: string | null;
  rate_limits: NumberRateLimits | null;
}

/** How a portfolio stands. */
export interface PortfolioUsage {
  used: number;
  /** When the first of the used become free; null: nothing is used. */
  resets_at: Date | null;
}

// What is now is counted in the row of this quarter, whose lock those who come together take in turn; the quarters before it change no more.
const ADMIT = prepared(`WITH recent AS (
    SELECT FROM portfolio_recipients
     WHERE organization_id = $1 AND portfolio = $2 AND contact_id = $3 AND counted_at > now() - interval '1 day'),
  before AS (
    SELECT coalesce(sum(recipients), 0)::int AS recipients FROM portfolio_slots
     WHERE organization_id = $1 AND portfolio = $2 AND began_at > now() - interval '1 day 15 minutes' AND began_at < date_bin('15 minutes', now(), 'epoch')),
  slot AS (
    INSERT INTO portfolio_slots AS s (organization_id, portfolio, began_at, recipients)
    SELECT $1, $2, date_bin('15 minutes', now(), 'epoch'), 1 FROM before WHERE recipients < $4::int AND NOT EXISTS (SELECT FROM recent)
    ON CONFLICT (organization_id, portfolio, began_at) DO UPDATE SET recipients = s.recipients + 1
     WHERE s.recipients + (SELECT recipients FROM before) < $4::int
    RETURNING 1),
  counted AS (
    INSERT INTO portfolio_recipients (organization_id, portfolio, contact_id, counted_at)
    SELECT $1, $2, $3, now() FROM slot
    ON CONFLICT (organization_id, portfolio, contact_id) DO UPDATE SET counted_at = excluded.counted_at)
  SELECT EXISTS (SELECT FROM recent) OR EXISTS (SELECT FROM slot) AS may_leave`);

const USED = prepared(`SELECT coalesce(sum(recipients), 0)::int AS used, min(began_at) + interval '1 day 15 minutes' AS resets_at
   FROM portfolio_slots
  WHERE organization_id = $1 AND portfolio = $2 AND began_at > now() - interval '1 day 15 minutes' AND recipients > 0`);

/**
 * The messaging limit of a business portfolio: so many different people a day to whom it writes first. Meta counts those outside an open window that it
 * delivers to; we count those we send to, so that the limit is met by us and not by its refusals.
 */
@Injectable()
export class PortfolioLimit {
  constructor(private readonly database: Database) {}

  /** Counts the contact, where one more may be written to first; else in how many milliseconds that may be. */
  async admit(number: OfPortfolio, contact_id: string): Promise<number> {
    const limit = dailyLimit(number);
    if (limit === null) return 0;
    const values = [number.organization_id, portfolioOf(number), contact_id, Math.min(limit, INT_MAX)];
    const [{ may_leave }] = await this.database.rows<{ may_leave: boolean }>(ADMIT, values);
    if (may_leave) return 0;
    const { resets_at } = await this.usage(this.database, number);
    // Those who wait do not all come at once.
    return Math.max(60_000, (resets_at?.getTime() ?? 0) - Date.now()) * (1 + Math.random() / 100);
  }

  /** Whether it is the first time within a day that the limit keeps somebody waiting. */
  async fill(tx: Tx, number: OfPortfolio): Promise<boolean> {
    const place = [number.organization_id, portfolioOf(number)];
    const [was] = await tx.rows(
      "SELECT 1 FROM portfolio_slots WHERE organization_id = $1 AND portfolio = $2 AND is_full AND began_at > now() - interval '1 day' LIMIT 1",
      place,
    );
    if (was) return false;
    const [first] = await tx.rows(
      `INSERT INTO portfolio_slots AS s (organization_id, portfolio, began_at, is_full) VALUES ($1, $2, date_bin('15 minutes', now(), 'epoch'), true)
       ON CONFLICT (organization_id, portfolio, began_at) DO UPDATE SET is_full = true WHERE NOT s.is_full RETURNING 1`,
      place,
    );
    return first !== undefined;
  }

  async usage(sql: Sql, number: OfPortfolio): Promise<PortfolioUsage> {
    const [usage] = await sql.rows<PortfolioUsage>(USED, [number.organization_id, portfolioOf(number)]);
    return usage;
  }

  /** Ours; Meta's own count goes on. */
  async reset(tx: Tx, number: OfPortfolio): Promise<void> {
    const place = [number.organization_id, portfolioOf(number)];
    await tx.rows('DELETE FROM portfolio_slots WHERE organization_id = $1 AND portfolio = $2', place);
    await tx.rows('DELETE FROM portfolio_recipients WHERE organization_id = $1 AND portfolio = $2', place);
  }
}

/** People a day; null: no limit. What the organization says goes before what Meta says. */
export function dailyLimit({
  rate_limits,
  messaging_limit_tier,
}: Pick<OfPortfolio, 'rate_limits' | 'messaging_limit_tier'>): number | null {
  if (rate_limits?.daily) return rate_limits.daily;
  if (messaging_limit_tier === 'TIER_UNLIMITED') return null;
  const [, digits, thousands] = /^TIER_(\d+)(K?)$/.exec(messaging_limit_tier ?? '') ?? [];
  return digits ? Number(digits) * (thousands ? 1000 : 1) : UNKNOWN_TIER;
}

const portfolioOf = ({ whatsapp_business_account_id, whatsapp_number_id }: OfPortfolio): string =>
  whatsapp_business_account_id ?? whatsapp_number_id;
