import { SLA_WARNING } from '#modules/conversations/state/queueing';
import type { BusinessCalendar } from '#modules/organizations/business-calendar';

/** A conversation that waits under an SLA. */
export interface SlaWait {
  queued_at: Date;
  sla_minutes: number;
  sla_warned_at: Date | null;
  sla_breached_at: Date | null;
}

export interface SlaLook {
  /** Open minutes. */
  waited_minutes: number;
  /** 1: all that is allowed. */
  progress: number;
  /** To be told now, each once a stay: late rather than never. */
  warns: boolean;
  breaches: boolean;
  /** When all that is allowed will have, or had, passed; null: it does not open within a year. */
  ends_at: Date | null;
  /** When to look again; null: nothing is left to tell. */
  due_at: Date | null;
}

/** Where it never opens within a year somebody may change that. */
const RETRY_MS = 24 * 3600_000;

/** How far the clock of a wait has come. */
export function lookAt(calendar: BusinessCalendar, wait: SlaWait, now: Date): SlaLook {
  const { queued_at, sla_minutes, sla_warned_at, sla_breached_at } = wait;
  const waited_minutes = calendar.openBetween(queued_at, now);
  const progress = waited_minutes / sla_minutes;
  const ends_at = calendar.addOpen(queued_at, sla_minutes);
  const breaches = progress >= 1 && !sla_breached_at;
  const warns = progress >= SLA_WARNING && !sla_warned_at;
  const is_warned = warns || sla_warned_at !== null;
  const next = is_warned ? ends_at : calendar.addOpen(queued_at, SLA_WARNING * sla_minutes);
  const due_at = breaches || sla_breached_at ? null : (next ?? new Date(now.getTime() + RETRY_MS));
  return { waited_minutes, progress, warns, breaches, ends_at, due_at };
}
