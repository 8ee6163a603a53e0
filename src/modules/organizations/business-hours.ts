import { ValidateBy, buildMessage } from 'class-validator';
import { isTimeZone } from '#common/fields';
import { isObject } from '#common/is-object';

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

export type Weekday = (typeof WEEKDAYS)[number];

/** A stretch of a day, `HH:MM` of its clock. An end before the start runs past midnight into the next day. */
export interface Span {
  start: string;
  end: string;
}

/** The older form of a day: one span, or closed. */
export interface OpenHours {
  enabled: boolean;
  /** Absent when the day is closed. */
  start?: string;
  end?: string;
}

/** An absent day is closed. */
export type WeekSchedule = Partial<Record<Weekday, OpenHours | Span[]>>;

/** A day, or the days up to `until`, that are not as their weekday is. No hours: closed. */
export interface SpecialDay {
  /** `YYYY-MM-DD`. */
  date: string;
  /** The last of several days. */
  until?: string;
  name?: string;
  hours?: Span[];
}

/** Hours with their zone, and the days that differ: exceptions win over holidays, holidays over weekdays. */
export interface HoursForm {
  /** IANA name; null: that of the levels above. */
  timezone?: string | null;
  schedule?: WeekSchedule;
  holidays?: SpecialDay[];
  exceptions?: SpecialDay[];
  /** The national holidays of this country are closed. */
  national_holidays?: 'BR' | null;
  always_open?: boolean;
}

/**
 * A map of days, or the form with everything. Empty: as the level above (queue, department, organization); above the organization always open. Special
 * days alone (holidays, exceptions, national_holidays) are laid over the hours of the level above.
 */
export type BusinessHours = WeekSchedule | HoursForm;

const FORM_KEYS = ['timezone', 'schedule', 'holidays', 'exceptions', 'national_holidays', 'always_open'] as const;
const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
const MAX_SPANS = 6;
const MAX_SPECIAL_DAYS = 200;
const MAX_DAYS = 366;

export const isForm = (value: object): value is HoursForm => FORM_KEYS.some((key) => key in value);

/** What is wrong with it, if anything; `enabled` absent means true. */
export function businessHoursMistake(value: unknown): string | null {
  if (!isObject(value)) return 'must be a map of days to hours';
  if (!isForm(value)) return scheduleMistake(value);
  const { timezone, schedule, holidays, exceptions, national_holidays, always_open, ...others } = value as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown) return `knows no "${unknown}", use ${FORM_KEYS.join(', ')}`;
  if (timezone != null && (typeof timezone !== 'string' || !isTimeZone(timezone)))
    return 'timezone must be an IANA time zone, such as America/Sao_Paulo';
  if (always_open !== undefined && typeof always_open !== 'boolean') return 'always_open must be true or false';
  if (national_holidays != null && national_holidays !== 'BR') return 'national_holidays must be BR';
  if (schedule !== undefined && !isObject(schedule)) return 'schedule must be a map of days to hours';
  return scheduleMistake(schedule ?? {}) ?? daysMistake('holidays', holidays) ?? daysMistake('exceptions', exceptions);
}

function scheduleMistake(schedule: Record<string, unknown>): string | null {
  for (const [day, hours] of Object.entries(schedule)) {
    if (!WEEKDAYS.includes(day as Weekday)) return `knows no day "${day}", use monday to sunday`;
    if (Array.isArray(hours)) {
      const mistake = spansMistake(day, hours);
      if (mistake) return mistake;
      continue;
    }
    if (!isObject(hours)) return `${day} must be {enabled, start, end}, or a list of {start, end}`;
    const { enabled = true, start, end } = hours;
    if (typeof enabled !== 'boolean') return `${day}.enabled must be true or false`;
    if (!enabled && start === undefined && end === undefined) continue;
    const mistake = spansMistake(day, [{ start, end }]);
    if (mistake) return mistake;
  }
  return null;
}

function spansMistake(of: string, spans: unknown): string | null {
  if (!Array.isArray(spans) || spans.length > MAX_SPANS) return `${of} must be a list of at most ${MAX_SPANS} {start, end}`;
  for (const span of spans as unknown[]) {
    const { start, end } = isObject(span) ? span : {};
    if (typeof start !== 'string' || typeof end !== 'string' || !TIME.test(start) || !TIME.test(end))
      return `${of} must start and end at a time such as 09:00`;
    if (start === end) return `${of} must not end when it starts`;
  }
  return overlap(spans as Span[]) ? `${of} must not have spans that overlap` : null;
}

/** Whether two spans of one day share a time; to end when the next one starts is none. */
function overlap(spans: readonly Span[]): boolean {
  // Past midnight lies after every time of the day.
  const ends = ({ start, end }: Span): string => (end < start ? '24:00' : end);
  const sorted = spans.toSorted((a, b) => (a.start < b.start ? -1 : 1));
  return sorted.some((span, n) => n > 0 && span.start < ends(sorted[n - 1]));
}

function daysMistake(of: string, days: unknown): string | null {
  if (days === undefined) return null;
  if (!Array.isArray(days) || days.length > MAX_SPECIAL_DAYS) return `${of} must be a list of at most ${MAX_SPECIAL_DAYS} days`;
  for (const day of days as unknown[]) {
    const { date, until = date, name, hours = [] } = isObject(day) ? day : {};
    if (!isDate(date) || !isDate(until)) return `${of} must have a date such as 2026-12-24`;
    const count = dayNumberOf(until) - dayNumberOf(date) + 1;
    if (count < 1 || count > MAX_DAYS) return `${of} must not last longer than a year, nor end before they begin`;
    if (name !== undefined && (typeof name !== 'string' || name.length > 100)) return `${of} must have names of at most 100 characters`;
    const mistake = spansMistake(`${of} ${date}`, hours);
    if (mistake) return mistake;
  }
  return null;
}

const DAY_MS = 86_400_000;

const isDate = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^\d{4}-\d{2}-\d{2}$/.test(value) &&
  !Number.isNaN(Date.parse(value)) &&
  dateOf(dayNumberOf(value)) === value;

/** Days of the calendar since 1970-01-01. */
export const dayNumberOf = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;
export const dateOf = (day_number: number): string => new Date(day_number * DAY_MS).toISOString().slice(0, 10);

/** As it is kept: with `enabled` filled in and nothing else inside; checked before. */
export function toBusinessHours(value: object): BusinessHours {
  if (!isForm(value)) return toSchedule(value);
  const { schedule, holidays, exceptions, ...others } = value;
  return {
    ...others,
    ...(schedule && { schedule: toSchedule(schedule) }),
    ...(holidays && { holidays: holidays.map(toDay) }),
    ...(exceptions && { exceptions: exceptions.map(toDay) }),
  };
}

const toSchedule = (value: object): WeekSchedule =>
  Object.fromEntries(
    Object.entries(value).map(([day, hours]: [string, Partial<OpenHours> | Span[]]) => {
      if (Array.isArray(hours)) return [day, hours.map(toSpan)];
      const { enabled = true, start, end } = hours;
      return [day, { enabled, start, end }];
    }),
  ) as WeekSchedule;

const toSpan = ({ start, end }: Span): Span => ({ start, end });

const toDay = ({ date, until, name, hours }: SpecialDay): SpecialDay => ({
  date,
  ...(until && { until }),
  ...(name && { name }),
  ...(hours && { hours: hours.map(toSpan) }),
});

export const IsBusinessHours = (): PropertyDecorator =>
  ValidateBy({
    name: 'isBusinessHours',
    validator: {
      validate: (value) => businessHoursMistake(value) === null,
      defaultMessage: buildMessage((each, args) => `${each}$property ${businessHoursMistake(args?.value)}`),
    },
  });
