const DAY_OR_INSTANT = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-](\d{2}):?(\d{2})))?$/;

const HOUR_MS = 3_600_000;
/** How far local time is before and behind UTC, at most. */
const EAST_MS = 14 * HOUR_MS;
const WEST_MS = 12 * HOUR_MS;

export const isDay = (time: string): boolean => time.length === 10;

/** The day of the calendar in a time zone, YYYY-MM-DD; default: today. */
export const dayIn = (timeZone: string, time = new Date()): string => new Intl.DateTimeFormat('en-CA', { timeZone }).format(time);

/** A day of the calendar, or an instant with its offset; no week, no ordinal date, no 30 February. */
export function isDayOrInstant(time: string): boolean {
  const found = DAY_OR_INSTANT.exec(time);
  if (!found) return false;
  const [year, month, day, hour, minute, second, offset_hours, offset_minutes] = found.slice(1).map((digits) => Number(digits ?? 0));
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()) return false;
  return hour < 24 && minute < 60 && second < 60 && offset_hours < 15 && offset_minutes < 60;
}

/** A period that ends before it starts, in whichever zone its days are. */
export function isReversed(start: unknown, end: unknown): boolean {
  if (typeof start !== 'string' || typeof end !== 'string' || !isDayOrInstant(start) || !isDayOrInstant(end)) return false;
  if (isDay(start) && isDay(end)) return start > end;
  const first = Date.parse(start) - (isDay(start) ? EAST_MS : 0);
  const last = Date.parse(end) + (isDay(end) ? 24 * HOUR_MS + WEST_MS : 0);
  return first > last;
}
