import { ValidateBy, buildMessage } from 'class-validator';

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

export type Weekday = (typeof WEEKDAYS)[number];

export interface OpenHours {
  enabled: boolean;
  /** `HH:MM`; absent when the day is closed. */
  start?: string;
  /** Before `start`: runs past midnight into the next day. */
  end?: string;
}

/** Day → hours. Empty: always open. Otherwise an absent day is closed. */
export type BusinessHours = Partial<Record<Weekday, OpenHours>>;

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

/** What is wrong with it, if anything; `enabled` absent means true. */
export function businessHoursMistake(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a map of days to hours';
  for (const [day, hours] of Object.entries(value as Record<string, unknown>)) {
    if (!WEEKDAYS.includes(day as Weekday)) return `knows no day "${day}", use monday to sunday`;
    if (typeof hours !== 'object' || hours === null) return `${day} must be {enabled, start, end}`;
    const { enabled = true, start, end } = hours as Record<string, unknown>;
    if (typeof enabled !== 'boolean') return `${day}.enabled must be true or false`;
    if (!enabled && start === undefined && end === undefined) continue;
    if (typeof start !== 'string' || typeof end !== 'string' || !TIME.test(start) || !TIME.test(end))
      return `${day} must start and end at a time such as 09:00`;
    if (start === end) return `${day} must not end when it starts`;
  }
  return null;
}

/** With `enabled` filled in and nothing else inside; checked before. */
export function toBusinessHours(value: object): BusinessHours {
  return Object.fromEntries(
    Object.entries(value).map(([day, { enabled = true, start, end }]: [string, Partial<OpenHours>]) => [day, { enabled, start, end }]),
  );
}

export const IsBusinessHours = (): PropertyDecorator =>
  ValidateBy({
    name: 'isBusinessHours',
    validator: {
      validate: (value) => businessHoursMistake(value) === null,
      defaultMessage: buildMessage((each, args) => `${each}$property ${businessHoursMistake(args?.value)}`),
    },
  });
