import type { Language } from './languages';

/** A time as the clocks of a zone show it. */
export interface LocalTime {
  /** `2026-11-22T09:00:00-03:00`. */
  iso: string;
  /** `domingo, 22 de novembro de 2026`. */
  day: string;
  /** `09:00`. */
  time: string;
}

/** Tells times as the clocks of a zone show them. */
export function localClock(time_zone: string, language: Language): (at: Date) => LocalTime {
  const numbers = new Intl.DateTimeFormat('en-GB', {
    timeZone: time_zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  const words = new Intl.DateTimeFormat(language, { timeZone: time_zone, dateStyle: 'full' });
  // Messages of a day follow each other.
  let last = { date: '', day: '' };
  return (at) => {
    const part = Object.fromEntries(numbers.formatToParts(at).map(({ type, value }) => [type, value]));
    const date = `${part.year.padStart(4, '0')}-${part.month}-${part.day}`;
    if (date !== last.date) last = { date, day: words.format(at) };
    // `GMT-03:00`; UTC is `GMT` alone.
    const offset = part.timeZoneName.slice(3) || 'Z';
    return { iso: `${date}T${part.hour}:${part.minute}:${part.second}${offset}`, day: last.day, time: `${part.hour}:${part.minute}` };
  };
}
