import { dayNumberOf } from './business-hours';

/** Laws 662/1949, 6.802/1980 and, of 20 November, 14.759/2023; Carnival and Corpus Christi are none by national law. */
const FIXED = ['01-01', '04-21', '05-01', '09-07', '10-12', '11-02', '11-15', '12-25'];
const CONSCIENCE = { month_day: '11-20', since: 2024 };
/** Good Friday, days from Easter. */
const GOOD_FRIDAY = -2;

const years = new Map<number, ReadonlySet<number>>();

/** Brazil's national holidays of a year, as day numbers. */
export function brazilianHolidays(year: number): ReadonlySet<number> {
  let days = years.get(year);
  if (!days) {
    const fixed = [...FIXED, ...(year >= CONSCIENCE.since ? [CONSCIENCE.month_day] : [])].map((day) => dayNumberOf(`${year}-${day}`));
    years.set(year, (days = new Set([...fixed, easterOf(year) + GOOD_FRIDAY])));
  }
  return days;
}

/** Easter Sunday, by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8). */
function easterOf(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const month = Math.floor((h + l - 7 * m + 114) / 31);
  const day = ((h + l - 7 * m + 114) % 31) + 1;
  return dayNumberOf(`${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`);
}
