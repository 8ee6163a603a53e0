import { BusinessCalendar, areSaid, calendarOf } from './business-calendar';
import { type BusinessHours, type HoursForm, type Span, WEEKDAYS, type WeekSchedule, businessHoursMistake } from './business-hours';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Numbers that are random and the same in every run (mulberry32). */
function dice(seed: number): (sides: number) => number {
  return (sides) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * sides);
  };
}

const walls = new Map(
  ['America/Sao_Paulo', 'America/New_York', 'Europe/Lisbon', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'].map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short', timeStyle: 'short', hourCycle: 'h23' }),
  ]),
);

/** What the clock on the wall shows, as people read it. */
function wall(zone: string, at: number): { date: string; time: string } {
  const parts = walls.get(zone)?.formatToParts(at) ?? [];
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return { date: `${of('year')}-${of('month')}-${of('day')}`, time: `${of('hour')}:${of('minute')}` };
}

const dayAfter = (date: string, days: number): string =>
  new Date(Date.parse(`${date}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The hours of a date, by reading the form from its strongest word to its weakest. */
function spansOf(form: HoursForm, date: string): Span[] {
  const within = ({ date: first, until = first }: { date: string; until?: string }): boolean => date >= first && date <= until;
  const special = form.exceptions?.findLast(within) ?? form.holidays?.findLast(within);
  if (special) return special.hours ?? [];
  const hours = form.schedule?.[WEEKDAYS[(new Date(`${date}T12:00:00Z`).getUTCDay() + 6) % 7]];
  if (Array.isArray(hours)) return hours;
  return hours?.enabled && hours.start && hours.end ? [{ start: hours.start, end: hours.end }] : [];
}

/** Slow and obvious: look at the wall. */
function isOpenByTheWall(form: HoursForm, zone: string, at: number): boolean {
  const { date, time } = wall(zone, at);
  const today = spansOf(form, date).some(({ start, end }) => time >= start && (end < start || time < end));
  const since_yesterday = spansOf(form, dayAfter(date, -1)).some(({ start, end }) => end < start && time < end);
  return today || since_yesterday;
}

/** Days around which the clock is set, and an ordinary one. */
const PLACES: [zone: string, around: string][] = [
  // Midnight itself was skipped and repeated.
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/Sao_Paulo', '2026-11-20T12:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Europe/Lisbon', '2026-03-29T01:00:00Z'],
  // Half an hour.
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Asia/Kolkata', '2026-12-31T18:30:00Z'],
  ['UTC', '2028-02-28T23:00:00Z'],
];

function randomForm(roll: (sides: number) => number, around: string): HoursForm {
  const time = (): string => `${String(roll(24)).padStart(2, '0')}:${String(roll(12) * 5).padStart(2, '0')}`;
  const span = (): Span => {
    const start = time();
    const end = time();
    return start === end ? { start: '09:00', end: '18:00' } : { start, end };
  };
  const spans = (): Span[] => Array.from({ length: roll(4) }, span);
  const schedule: WeekSchedule = {};
  for (const day of WEEKDAYS) {
    const kind = roll(4);
    if (kind === 0) schedule[day] = { enabled: roll(4) > 0, ...span() };
    else if (kind < 3) schedule[day] = spans();
  }
  // Never empty: that would be always open.
  schedule.monday ??= [span()];
  const date = (): string => dayAfter(around.slice(0, 10), roll(5) - 2);
  const form: HoursForm = { schedule };
  if (roll(2)) form.holidays = [{ date: date(), ...(roll(2) && { hours: spans() }) }];
  if (roll(3) === 0) {
    const first = date();
    form.exceptions = [{ date: first, until: dayAfter(first, roll(3)), hours: spans() }];
  }
  return form;
}

describe('the calendar agrees with the clock on the wall', () => {
  it.each(PLACES)('in %s around %s', (zone, around) => {
    for (let seed = 1; seed <= 6; seed++) {
      const roll = dice(seed * 7919 + around.length);
      const form = randomForm(roll, around);
      // Hours from before spans that overlap were refused are still counted, each minute once.
      expect(businessHoursMistake(form) ?? '').toMatch(/^$|spans that overlap$/);
      const calendar = new BusinessCalendar(form, zone);
      const from = Math.floor(Date.parse(around) / MINUTE_MS) * MINUTE_MS - DAY_MS;
      const minutes = 2 * 1440;
      const open = Array.from({ length: minutes }, (_, n) => isOpenByTheWall(form, zone, from + n * MINUTE_MS));

      const wrong = open.flatMap((is_open, n) => (calendar.isOpen(new Date(from + n * MINUTE_MS)) === is_open ? [] : [n]));
      expect({ seed, wrong }).toEqual({ seed, wrong: [] });

      for (let look = 0; look < 20; look++) {
        const first = roll(minutes);
        const last = first + roll(minutes - first);
        const counted = open.slice(first, last).filter(Boolean).length;
        expect(calendar.openBetween(new Date(from + first * MINUTE_MS), new Date(from + last * MINUTE_MS))).toBe(counted);

        // After so many open minutes, and not a minute before.
        const wanted = 1 + roll(300);
        let [end, left] = [first, wanted];
        while (end < minutes && left > 0) if (open[end++]) left--;
        if (left === 0) expect(calendar.addOpen(new Date(from + first * MINUTE_MS), wanted)).toEqual(new Date(from + end * MINUTE_MS));
        const next = open.indexOf(true, first);
        if (next >= 0) expect(calendar.nextOpening(new Date(from + first * MINUTE_MS))).toEqual(new Date(from + next * MINUTE_MS));
      }
    }
  });
});

describe('the calendar', () => {
  const weekdays = (hours: Span[]): HoursForm => ({
    schedule: Object.fromEntries(WEEKDAYS.slice(0, 5).map((day) => [day, hours])),
  });
  const lunch = weekdays([
    { start: '09:00', end: '12:00' },
    { start: '13:00', end: '18:00' },
  ]);

  it('closes for lunch and over the weekend', () => {
    const calendar = new BusinessCalendar(lunch, 'America/Sao_Paulo');

    // Friday 11:50 in São Paulo (UTC-3): ten minutes, then from 13:00 on.
    expect(calendar.addOpen(new Date('2026-11-20T14:50:00Z'), 20)).toEqual(new Date('2026-11-20T16:10:00Z'));
    // Friday 17:50: the rest on Monday.
    expect(calendar.addOpen(new Date('2026-11-20T20:50:00Z'), 20)).toEqual(new Date('2026-11-23T12:10:00Z'));
    expect(calendar.openBetween(new Date('2026-11-16T00:00:00Z'), new Date('2026-11-23T00:00:00Z'))).toBe(5 * 8 * 60);
  });

  it('counts to the second', () => {
    const calendar = new BusinessCalendar(lunch, 'UTC');
    expect(calendar.openBetween(new Date('2026-11-20T11:59:30Z'), new Date('2026-11-20T13:00:15Z'))).toBe(0.75);
  });

  it("closes on Brazil's national holidays where they are switched on", () => {
    const calendar = new BusinessCalendar({ ...lunch, national_holidays: 'BR' }, 'America/Sao_Paulo');
    const noon = (date: string): boolean => calendar.isOpen(new Date(`${date}T14:00:00Z`));

    // Good Friday of 2026 and 2027, Tiradentes, Black Consciousness Day, and the day after it in a year it was none.
    expect(['2026-04-03', '2027-03-26', '2026-04-21', '2026-11-20'].map(noon)).toEqual([false, false, false, false]);
    expect(['2026-04-02', '2023-11-20', '2026-11-19'].map(noon)).toEqual([true, true, true]);
  });

  it('lets an exception win over a holiday, and a night run into one', () => {
    const form: HoursForm = {
      schedule: { thursday: [{ start: '22:00', end: '02:00' }] },
      holidays: [
        { date: '2026-12-25', name: 'Natal' },
        { date: '2026-12-24', hours: [{ start: '08:00', end: '12:00' }] },
      ],
      exceptions: [{ date: '2026-12-24', hours: [{ start: '20:00', end: '01:00' }] }],
    };
    const calendar = new BusinessCalendar(form, 'UTC');

    expect(calendar.isOpen(new Date('2026-12-24T09:00:00Z'))).toBe(false);
    expect(calendar.isOpen(new Date('2026-12-25T00:59:00Z'))).toBe(true);
    expect(calendar.isOpen(new Date('2026-12-25T01:00:00Z'))).toBe(false);
  });

  it('says that it never opens, soon', () => {
    const calendar = new BusinessCalendar({ schedule: { monday: { enabled: false } } }, 'America/New_York');
    expect(calendar.addOpen(new Date(), 1)).toBeNull();
    expect(calendar.nextOpening(new Date())).toBeNull();
  });

  it('takes the hours of the first level that says any, in the zone of that level', () => {
    const at_nine: BusinessHours = { friday: { enabled: true, start: '09:00', end: '10:00' } };
    const organization = { hours: {}, timezone: 'America/Sao_Paulo' };
    const nine_utc = new Date('2026-11-20T09:30:00Z');
    const nine_in_brazil = new Date('2026-11-20T12:30:00Z');
    const open = (...levels: Parameters<typeof calendarOf>[0]): boolean[] =>
      [nine_utc, nine_in_brazil].map((at) => calendarOf(levels).isOpen(at));

    expect(open({ hours: {} }, { hours: null }, organization)).toEqual([true, true]);
    expect(open({ hours: { timezone: 'UTC', schedule: at_nine } }, organization)).toEqual([true, false]);
    expect(open({ hours: { schedule: at_nine } }, { hours: {}, timezone: 'UTC' }, organization)).toEqual([true, false]);
    expect(open({ hours: { timezone: 'UTC', schedule: {} } }, { hours: at_nine }, organization)).toEqual([false, true]);
    expect(open({ hours: { always_open: true } }, { hours: at_nine }, organization)).toEqual([true, true]);
    expect([{}, null, { timezone: 'UTC' }, { always_open: false }].map(areSaid)).toEqual([false, false, false, false]);
  });

  it('lays special days alone over the hours of the next level that has some', () => {
    const weekdays: BusinessHours = { thursday: [{ start: '09:00', end: '18:00' }], friday: [{ start: '09:00', end: '18:00' }] };
    const department = { hours: { schedule: weekdays, holidays: [{ date: '2026-12-24' }] }, timezone: 'America/Sao_Paulo' };
    const [thursday, night, eve, christmas] = ['2026-12-17T15', '2026-12-18T04', '2026-12-24T15', '2026-12-25T15'].map(
      (hour) => new Date(`${hour}:00:00Z`),
    );
    const open = (...levels: Parameters<typeof calendarOf>[0]): boolean[] =>
      [thursday, night, eve, christmas].map((at) => calendarOf(levels).isOpen(at));

    expect(open({ hours: { timezone: 'UTC' } }, department)).toEqual([true, false, false, true]);
    expect(open({ hours: { national_holidays: 'BR' } }, department)).toEqual([true, false, false, false]);
    expect(open({ hours: { holidays: [{ date: '2026-12-25' }] } }, { hours: null }, department)).toEqual([true, false, false, false]);
    // The nearest level has the last word of a day.
    const opened = { date: '2026-12-24', hours: [{ start: '09:00', end: '18:00' }] };
    expect(open({ hours: { exceptions: [opened] } }, department)).toEqual([true, false, true, true]);
    expect(open({ hours: { holidays: [opened] } }, department)).toEqual([true, false, true, true]);
    // What is above the hours that count says nothing.
    expect(open({ hours: { always_open: true } }, department)).toEqual([true, true, true, true]);
    expect(open({ hours: weekdays }, department)).toEqual([true, false, true, true]);
    // No level has hours: open but for the special days of all.
    const far = { hours: { holidays: [{ date: '2026-12-24' }] }, timezone: 'America/Sao_Paulo' };
    expect(open({ hours: { national_holidays: 'BR' } }, far)).toEqual([true, true, false, false]);
  });

  it('does not lay out the years that special days may last', () => {
    const hours = Array.from({ length: 6 }, (_, hour) => ({ start: `0${hour}:00`, end: `0${hour}:01` }));
    const years = Array.from({ length: 200 }, (_, n) => ({ date: `${2000 + n}-01-01`, until: `${2000 + n}-12-31`, hours }));

    const started = performance.now();
    const calendar = calendarOf([{ hours: { timezone: 'UTC', holidays: years, exceptions: years } }]);
    const answer = calendar.addOpen(new Date('2026-01-01T00:00:00Z'), 12);

    expect(answer).toEqual(new Date('2026-01-02T05:01:00Z'));
    expect(performance.now() - started).toBeLessThan(100);
  });
});

it('costs next to nothing to have, however many long holidays it knows', () => {
  const years = Array(200).fill({ date: '2026-01-01', until: '2026-12-31' }) as { date: string; until: string }[];
  const began = performance.now();
  for (let n = 0; n < 100; n++) new BusinessCalendar({ holidays: years, exceptions: years }, 'UTC');
  expect(performance.now() - began).toBeLessThan(5000);
});

describe('business hours', () => {
  it.each<[unknown, RegExp]>([
    [[], /map of days/],
    [{ funday: [] }, /no day "funday"/],
    [{ monday: [{ start: '9', end: '10:00' }] }, /monday must start/],
    [{ monday: [{ start: '09:00', end: '09:00' }] }, /not end when it starts/],
    [{ monday: Array(7).fill({ start: '09:00', end: '10:00' }) }, /at most 6/],
    [{ schedule: { monday: 5 } }, /monday must be/],
    [{ timezone: 'Mars/Olympus' }, /IANA/],
    [{ holidays: [{ date: '2026-02-30' }] }, /date such as/],
    [{ exceptions: [{ date: '2026-02-02', until: '2026-02-01' }] }, /nor end before/],
    [{ exceptions: [{ date: '2026-02-02', until: '2028-02-01' }] }, /longer than a year/],
    [{ national_holidays: 'XX' }, /BR/],
    [{ always_open: 'yes' }, /always_open/],
    [{ always_open: true, opened: true }, /knows no "opened"/],
  ])('%j are refused', (hours, why) => {
    expect(businessHoursMistake(hours)).toMatch(why);
  });

  it.each<unknown>([
    {},
    { monday: { start: '09:00', end: '18:00' }, sunday: { enabled: false } },
    {
      timezone: 'UTC',
      schedule: {
        monday: [
          { start: '09:00', end: '12:00' },
          { start: '22:00', end: '02:00' },
        ],
      },
    },
    { schedule: {}, holidays: [{ date: '2026-12-25', name: 'Natal' }], exceptions: [{ date: '2026-12-24', hours: [] }] },
    { always_open: true },
  ])('%j are taken', (hours) => {
    expect(businessHoursMistake(hours)).toBeNull();
  });
});
