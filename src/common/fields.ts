import { type Type as Class, applyDecorators } from '@nestjs/common';
import { Transform, Type, plainToInstance } from 'class-transformer';
import { IsFQDN, IsObject, IsUrl, Matches, MaxLength, ValidateBy, ValidateNested, buildMessage } from 'class-validator';
import { aliasesOf, resolveAliases } from './alias';
import { isObject } from './is-object';
import { oneLine } from './one-line';
import { isDay, isDayOrInstant, isReversed } from './period';
import { normalizePhone } from './phone';
import { isUuid } from './uuid';

/*
 * What many inputs have in common. The plugins read decorators by name and do not look inside these, so lengths and formats a
 * document should tell are spelled out beside them.
 */

const text = (change: (value: string) => unknown): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? change(value) : value));

/** Without the blanks around it. Above the validators it serves. */
export const Trim = (): PropertyDecorator => text((value) => value.trim());

/** A name, on one line and without control characters. Above the validators it serves. */
export const OneLine = (): PropertyDecorator => text(oneLine);

/** Nothing to read: white space, and characters nobody sees (zero width, fillers, the blank of Braille). */
export const isBlank = (text: string): boolean => /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);

/** A text with something to read in it. */
export const NotBlank = (): PropertyDecorator =>
  ValidateBy({
    name: 'notBlank',
    validator: {
      validate: (value) => typeof value === 'string' && !isBlank(value),
      defaultMessage: buildMessage((each) => `${each}$property must have something to read: white space is not text`),
    },
  });

/** An e-mail as we keep and compare it. */
export const EmailText = (): PropertyDecorator => text((value) => value.trim().toLowerCase());

/** A host name such as shop.example, in lower case. */
export const HostName = (): PropertyDecorator => applyDecorators(EmailText(), IsFQDN());

/** `true`, `false`, `1`, `0` of a query string. */
export const QueryBoolean = (): PropertyDecorator => text((value) => ({ true: true, 1: true, false: false, 0: false })[value] ?? value);

/** A phone however it is typed, in E.164. */
export const Phone = (): PropertyDecorator =>
  applyDecorators(
    text((value) => normalizePhone(value) ?? value),
    ValidateBy({
      name: 'isPhone',
      validator: {
        validate: (value) => typeof value === 'string' && normalizePhone(value) === value,
        defaultMessage: buildMessage((each) => `${each}$property must be a phone number with its country code, such as +5511987654321`),
      },
    }),
  );

/** An http(s) address without a login, and without what the eye does not see. */
export const WebUrl = (): PropertyDecorator =>
  applyDecorators(
    Trim(),
    IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false, disallow_auth: true }),
    Matches(/^[^\p{C}\p{Z}]*$/u, { message: '$property must not contain blanks or invisible characters' }),
    MaxLength(2048),
  );

/** An id, or one of the words that stand for one. */
export const IsIdOr = (...words: string[]): PropertyDecorator =>
  ValidateBy({
    name: 'isIdOr',
    validator: {
      validate: (value) => words.includes(value as string) || isUuid(value),
      defaultMessage: buildMessage((each) => `${each}$property must be ${words.join(', ')} or a UUID`),
    },
  });

/** An IANA time zone. */
export const TimeZone = (): PropertyDecorator =>
  ValidateBy({
    name: 'isTimeZone',
    validator: {
      validate: (value) => typeof value === 'string' && isTimeZone(value),
      defaultMessage: buildMessage((each) => `${each}$property must be an IANA time zone, such as America/Sao_Paulo`),
    },
  });

/** A bound of a period: a day, or an instant with its offset. */
export const DayOrInstant = (): PropertyDecorator =>
  ValidateBy({
    name: 'isDayOrInstant',
    validator: {
      validate: (value) => typeof value === 'string' && isDayOrInstant(value),
      defaultMessage: buildMessage((each) => `${each}$property must be a date or an ISO 8601 time with its offset`),
    },
  });

/** An instant with its offset, still to come, as a Date. */
export const FutureInstant = (): PropertyDecorator =>
  applyDecorators(
    text((value) => (isDayOrInstant(value) && !isDay(value) ? new Date(value) : value)),
    ValidateBy({
      name: 'isFutureInstant',
      validator: {
        validate: (value) => value instanceof Date && value.getTime() > Date.now(),
        defaultMessage: buildMessage(
          (each) => `${each}$property must be an ISO 8601 time with its offset, such as 2030-01-01T00:00:00Z, in the future`,
        ),
      },
    }),
  );

/** The end of the period that begins in `start`. */
export const NotBefore = (start: string): PropertyDecorator =>
  ValidateBy({
    name: 'notBefore',
    constraints: [start],
    validator: {
      validate: (end, args) => !isReversed((args?.object as Record<string, unknown> | undefined)?.[start], end),
      defaultMessage: buildMessage((each) => `${each}$property must not be before $constraint1`),
    },
  });

/** Aliases within it are resolved as those of a whole body are: what class-transformer has made of it does not know them, so it is made anew. */
const WithAliases = (type: () => Class): PropertyDecorator =>
  Transform(({ value, obj, key }: { value: unknown; obj: Record<string, unknown>; key: string }): unknown => {
    if (!aliasesOf(type().prototype as object).size) return value;
    const made = (one: unknown): unknown => {
      if (!isObject(one)) return one;
      return plainToInstance(type(), resolveAliases(one, type().prototype as object), { exposeDefaultValues: false });
    };
    const given = obj[key];
    return Array.isArray(given) ? given.map(made) : made(given);
  });

/** An object with fields of its own. `ValidateNested` alone takes an empty list for a right one. */
export const Nested = (type: () => Class): PropertyDecorator =>
  applyDecorators(IsObject(), ValidateNested(), Type(type), WithAliases(type));

/** A list of them; beside `@IsArray()`, which the plugins read. */
export const NestedEach = (type: () => Class): PropertyDecorator =>
  applyDecorators(IsObject({ each: true }), ValidateNested({ each: true }), Type(type), WithAliases(type));

/** A BCP-47 language. */
export const Language = (): PropertyDecorator =>
  applyDecorators(
    ValidateBy({
      name: 'isLanguage',
      validator: {
        validate: (value) => typeof value === 'string' && isLanguage(value),
        defaultMessage: buildMessage((each) => `${each}$property must be a BCP-47 language, such as pt-BR`),
      },
    }),
    MaxLength(35),
  );

/** At most `bytes` as JSON. */
export const JsonBytes = (bytes: number): PropertyDecorator =>
  ValidateBy({
    name: 'jsonBytes',
    validator: {
      validate: (value) => Buffer.byteLength(JSON.stringify(value ?? null)) <= bytes,
      defaultMessage: buildMessage((each) => `${each}$property must be at most ${bytes} bytes of JSON`),
    },
  });

let databaseZones: ReadonlySet<string> | null = null;

/** The zones PostgreSQL computes with; until it has told them, Intl's word counts. */
export function knowTimeZones(names: readonly string[]): void {
  databaseZones = new Set(names.map((name) => name.toLowerCase()));
}

/** A zone that both Intl and PostgreSQL know: what one of them refuses would fail later, in every count by day or month. */
export function isTimeZone(value: string): boolean {
  // Intl also takes offsets such as +03:00, which know no summer time.
  if (!/^[A-Za-z]/.test(value) || databaseZones?.has(value.toLowerCase()) === false) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

function isLanguage(value: string): boolean {
  try {
    return Intl.getCanonicalLocales(value).length === 1;
  } catch {
    return false;
  }
}
