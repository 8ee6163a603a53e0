import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { Database } from '#database/database';
import { WhatsAppNumber } from '../numbers/whatsapp-number.entity';
import { CAPABILITIES } from '../provider';
import { NumberLimits, limitsOf, settingsOf } from './number-limits';
import { type OfPortfolio, PortfolioLimit, dailyLimit } from './portfolio-limit';
import type { RateLimitReset, RateLimitResetResult, RateLimitUsage, RateLimitWindow, RateLimitWindows } from './rate-limit.dto';

/** How numbers stand to their limits. */
@Injectable()
export class RateLimitUsages {
  constructor(
    private readonly database: Database,
    private readonly limits: NumberLimits,
    private readonly portfolio: PortfolioLimit,
  ) {}

  async get(actor: Actor, id: string): Promise<RateLimitUsage> {
    const number = await this.database.repository(WhatsAppNumber).get(actor, id);
    const { connection_type, phone_number } = number;
    const settings = settingsOf(number);
    const { minute, hourly } = limitsOf(settings);
    const look = await this.limits.look(number);
    const sent = (minutes: number, limit: number | null): RateLimitWindow => {
      const { count, resets_at } = look.within(minutes);
      return windowOf(count, limit, resets_at);
    };
    const { has_portfolio, pair, pace } = CAPABILITIES[connection_type];
    const usage = {
      daily: has_portfolio ? await this.firsts(number) : sent(24 * 60, settings.rate_limits?.daily ?? null),
      hourly: sent(60, hourly),
      minute: sent(1, minute),
      min_delay_seconds: pair ? null : pace(null).ms / 1000,
    };
    return {
      whatsapp_number_id: id,
      phone_number,
      connection_type,
      usage,
      ...keptBy(number, look.wait_ms, usage),
      paused_until: pauseOf(number),
      degraded: this.limits.is_degraded,
    };
  }

  async reset(actor: Actor, id: string, { lift_pause = false }: RateLimitReset): Promise<RateLimitResetResult> {
    const number = await this.database.tx(async (tx) => {
      const numbers = this.database.repository(WhatsAppNumber, tx);
      const before = await numbers.lock(actor, id);
      const is_lifted = lift_pause && pauseOf(before) !== null;
      const number = is_lifted ? await numbers.patch(actor, id, { paused_until: null }) : before;
      if (CAPABILITIES[number.connection_type].has_portfolio) await this.portfolio.reset(tx, portfolioOf(number));
      tx.tell('whatsapp_number.limits_reset', { organization_id: actor.organization_id, number });
      tx.audit(actor, 'whatsapp_number.rate_limit_reset', {
        resource: { id, name: number.phone_number },
        ...(is_lifted && { before: { paused_until: before.paused_until }, after: { paused_until: null } }),
        metadata: { lift_pause },
      });
      return number;
    });
    await this.limits.reset(number);
    const paused_until = pauseOf(number);
    const message = paused_until
      ? `The counters begin at zero. WhatsApp's pause goes on until ${paused_until.toISOString()}: it ends by itself, or now with "lift_pause": true`
      : 'The counters begin at zero';
    return { message, paused_until, whatsapp_number_id: id };
  }

  /** Whom its account wrote to first. */
  private async firsts(number: WhatsAppNumber): Promise<RateLimitWindow> {
    const portfolio = portfolioOf(number);
    const { used, resets_at } = await this.portfolio.usage(this.database, portfolio);
    return windowOf(used, dailyLimit(portfolio), resets_at);
  }
}

/** null: there is none, or it is over. */
const pauseOf = ({ paused_until }: WhatsAppNumber): Date | null => (paused_until && paused_until > new Date() ? paused_until : null);

/** What keeps a reply, or else what keeps templates. */
function keptBy(
  number: WhatsAppNumber,
  wait_ms: number,
  { daily, hourly, minute }: RateLimitWindows,
): Pick<RateLimitUsage, 'can_send_now' | 'rate_limit_reason' | 'retry_after_seconds'> {
  const { is_active, connection_type } = number;
  const kept = (rate_limit_reason: string, ms: number | null, can_send_now = false): ReturnType<typeof keptBy> => ({
    can_send_now,
    rate_limit_reason,
    retry_after_seconds: ms === null ? null : Math.max(1, Math.ceil(ms / 1000)),
  });
  if (!is_active) return kept('number_inactive', null);
  const paused_until = pauseOf(number);
  if (paused_until) return kept('paused', paused_until.getTime() - Date.now());
  const { has_portfolio } = CAPABILITIES[connection_type];
  if (wait_ms > 0) {
    const full = [
      !has_portfolio && daily.remaining === 0 && 'daily',
      hourly.remaining === 0 && 'hourly',
      minute.remaining === 0 && 'minute',
    ];
    return kept(full.find(Boolean) || 'pace', wait_ms);
  }
  if (has_portfolio && daily.remaining === 0) return kept('daily', daily.resets_at && daily.resets_at.getTime() - Date.now(), true);
  return { can_send_now: true, rate_limit_reason: null, retry_after_seconds: null };
}

function windowOf(used: number, limit: number | null, resets_at: Date | null): RateLimitWindow {
  if (limit === null) return { used, limit, remaining: null, percentage: null, resets_at: null };
  const percentage = Math.round(Math.min(1, used / limit) * 1000) / 10;
  return { used, limit, remaining: Math.max(0, limit - used), percentage, resets_at: used ? resets_at : null };
}

const portfolioOf = (number: WhatsAppNumber): OfPortfolio => ({
  organization_id: number.organization_id,
  whatsapp_number_id: number.id,
  whatsapp_business_account_id: number.whatsapp_business_account_id,
  messaging_limit_tier: number.messaging_limit_tier,
  rate_limits: settingsOf(number).rate_limits,
});
