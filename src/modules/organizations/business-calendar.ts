import { type BusinessHours, type HoursForm, type OpenHours, type Span, WEEKDAYS, dateOf, dayNumberOf, isForm } from './business-hours';
import { brazilianHolidays } from './brazilian-holidays';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Nobody waits longer for a door to open; what never opens is looked for so long. */
const HORIZON_MS = 400 * DAY_MS;
/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 3;

/** Minutes of a day, from its midnight; an end above 1440 is in the next one. */
type Minutes = readonly [start: number, end: number];

/** Hours of one level, and the zone they are meant in unless they say one. */
export interface HoursOf {
  hours: BusinessHours | null | undefined;
  timezone?: string | null;
}

/** Whether hours say anything; else those of the level above count. */
export function areSaid(hours: BusinessHours | null | undefined): hours is BusinessHours {
  const { holidays = [], exceptions = [], national_holidays } = formOf(hours);
  return areOfWeek(hours) || !!national_holidays || holidays.length + exceptions.length > 0;
}

/** Whether they say when it is open; special days alone are laid over what a level above says of that. */
function areOfWeek(hours: BusinessHours | null | undefined): boolean {
  const { schedule = {}, always_open } = formOf(hours);
  return !!always_open || Object.keys(schedule).length > 0;
}

const formOf = (hours: BusinessHours | null | undefined): HoursForm => (!hours ? {} : isForm(hours) ? hours : { schedule: hours });

/**
 * The hours that count: the week of the first level that says one, in its own zone, else in that of a level above it, and over it the special days up
 * to that level; of a day that several speak of the first level's count.
 */
export function calendarOf(levels: readonly HoursOf[]): BusinessCalendar {
  const last = levels.findIndex(({ hours }) => areOfWeek(hours));
  const forms = (last < 0 ? levels : levels.slice(0, last + 1)).map(({ hours }) => formOf(hours));
  const zoned = levels.slice(last < 0 ? levels.findIndex(({ hours }) => areSaid(hours)) : last);
  const zone = zoned.flatMap(({ hours, timezone }) => [formOf(hours).timezone, timezone]).find(Boolean);
  const { schedule, always_open } = forms.at(-1) ?? {};
  return new BusinessCalendar(
    {
      schedule,
      always_open,
      national_holidays: forms.some(({ national_holidays }) => national_holidays) ? 'BR' : null,
      exceptions: forms.toReversed().flatMap(({ holidays = [], exceptions = [] }) => [...holidays, ...exceptions]),
    },
    zone ?? 'UTC',
  );
}

/**
 * When somebody is there. Hours are those of the clock on the wall: where it is set forward an hour of them is not, where it is set back one is twice.
 */
export class BusinessCalendar {
  /** Monday first; null: always open. */
  private readonly week: readonly (readonly Minutes[])[] | null;
  /** By day numbers, both included; of those that say something of a day the last counts. */
  private readonly special: readonly { first: number; last: number; minutes: readonly Minutes[] }[];
  private readonly has_holidays: boolean;

  constructor(
    hours: BusinessHours,
    private readonly zone: string,
  ) {
    const { schedule = {}, holidays = [], exceptions = [], national_holidays, always_open } = formOf(hours);
    this.week = always_open || !Object.keys(schedule).length ? null : WEEKDAYS.map((day) => minutesOf(schedule[day]));
    this.has_holidays = national_holidays === 'BR';
    this.special = [...holidays, ...exceptions].map(({ date, until = date, hours: spans = [] }) => ({
      first: dayNumberOf(date),
      last: dayNumberOf(until),
      minutes: minutesOf(spans),
    }));
  }

  isOpen(at: Date): boolean {
    for (const [start] of this.stretches(at.getTime(), at.getTime() + 1)) return start === at.getTime();
    return false;
  }

  /** Open minutes from the one instant to the other. */
  openBetween(from: Date, to: Date): number {
    let open_ms = 0;
    for (const [start, end] of this.stretches(from.getTime(), to.getTime())) open_ms += end - start;
    return open_ms / MINUTE_MS;
  }

  /** When so many open minutes have passed; null: not within a year. */
  addOpen(from: Date, minutes: number): Date | null {
    let left_ms = minutes * MINUTE_MS;
    for (const [start, end] of this.stretches(from.getTime(), from.getTime() + HORIZON_MS)) {
      if (end - start >= left_ms) return new Date(start + left_ms);
      left_ms -= end - start;
    }
    return null;
  }

  /** The first open instant from `from` on; null: not within a year. */
  nextOpening(from: Date): Date | null {
    for (const [start] of this.stretches(from.getTime(), from.getTime() + HORIZON_MS)) return new Date(start);
    return null;
  }

  /** Open stretches, in order and apart; one that goes on may come in parts. */
  private *stretches(from: number, to: number): Generator<Minutes> {
    if (!this.week && !this.special.length && !this.has_holidays) {
      if (from < to) yield [from, to];
      return;
    }
    for (const [begin, end, offset] of this.evenTimes(from, to)) {
      // On the wall's clock, read as if it were UTC's.
      let reached = begin + offset;
      for (let day = Math.floor(reached / DAY_MS) - 1; day * DAY_MS < end + offset; day++)
        for (const [opens, closes] of this.ofDay(day)) {
          const start = Math.max(day * DAY_MS + opens * MINUTE_MS, reached);
          const stop = Math.min(day * DAY_MS + closes * MINUTE_MS, end + offset);
          if (stop <= start) continue;
          yield [start - offset, stop - offset];
          reached = stop;
        }
    }
  }

  private ofDay(day: number): readonly Minutes[] {
    const special = this.special.findLast(({ first, last }) => first <= day && day <= last);
    if (special) return special.minutes;
    if (this.has_holidays && brazilianHolidays(Number(dateOf(day).slice(0, 4))).has(day)) return [];
    return this.week?.[(((day + FIRST_WEEKDAY) % 7) + 7) % 7] ?? ALL_DAY;
  }

  /** The time in parts, at most a day each, in which the clock is not set. */
  private *evenTimes(from: number, to: number): Generator<readonly [begin: number, end: number, offset: number]> {
    let begin = from;
    while (begin < to) {
      const offset = offsetAt(this.zone, begin);
      let end = Math.min(begin + DAY_MS, to);
      if (offsetAt(this.zone, end) !== offset) {
        let still = begin;
        while (end - still > 1) {
          const middle = Math.floor((still + end) / 2);
          if (offsetAt(this.zone, middle) === offset) still = middle;
          else end = middle;
        }
      }
      yield [begin, end, offset];
      begin = end;
    }
  }
}

const ALL_DAY: readonly Minutes[] = [[0, 1440]];

function minutesOf(hours: OpenHours | Span[] | undefined): readonly Minutes[] {
  const spans = Array.isArray(hours) ? hours : hours?.enabled !== false && hours?.start && hours.end ? [hours as Span] : [];
  return spans
    .map(({ start, end }): Minutes => {
      const [opens, closes] = [minuteOf(start), minuteOf(end)];
      return [opens, closes > opens ? closes : closes + 1440];
    })
    .sort(([a], [b]) => a - b);
}

function minuteOf(time: string): number {
  const [hour, minute] = time.split(':').map(Number);
  return hour * 60 + minute;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** How far the clock on the wall is before UTC's, in milliseconds. */
function offsetAt(zone: string, at: number): number {
  let clock = clocks.get(zone);
  if (!clock) clocks.set(zone, (clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', year: 'numeric' })));
  const [, sign, hours, minutes] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(clock.format(at)) ?? [];
  if (!sign) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}
