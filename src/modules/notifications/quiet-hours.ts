import type { NotificationPreference } from './notification-preference.entity';

export type QuietHours = Pick<NotificationPreference, 'quiet_hours_enabled' | 'quiet_hours_start' | 'quiet_hours_end'>;

/** When a digest leaves, by the user's clock. */
const DIGEST_TIME = '08:00';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;

/** When the quiet hours end that `at` is in; null: it is in none. They may run past midnight. */
export function quietUntil(hours: QuietHours | null, at: Date, time_zone: string): Date | null {
  const { quiet_hours_enabled, quiet_hours_start: start, quiet_hours_end: end } = hours ?? {};
  if (!quiet_hours_enabled || !start || !end) return null;
  const time = clockOf(at, time_zone);
  const is_quiet = end < start ? time >= start || time < end : time >= start && time < end;
  return is_quiet ? nextAt(end, at, time_zone) : null;
}

/** When the digest leaves that tells of something from `at`: at the user's next 8 o'clock, or when the quiet hours end that it is in. */
export function digestAt(hours: QuietHours | null, at: Date, time_zone: string): Date {
  const next = nextAt(DIGEST_TIME, at, time_zone);
  return quietUntil(hours, next, time_zone) ?? next;
}

/** When the clock on the wall next shows a time. */
function nextAt(time: string, at: Date, time_zone: string): Date {
  const minutesTo = (from: Date): number => (minuteOf(time) - minuteOf(clockOf(from, time_zone)) + DAY_MINUTES) % DAY_MINUTES;
  const next = new Date(Math.floor(at.getTime() / MINUTE_MS + (minutesTo(at) || DAY_MINUTES)) * MINUTE_MS);
  // The clock was set forward or back on the way.
  const late = minutesTo(next);
  return new Date(next.getTime() + (late > DAY_MINUTES / 2 ? late - DAY_MINUTES : late) * MINUTE_MS);
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** HH:MM. */
const clockOf = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);
