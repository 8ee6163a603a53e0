import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { IsUrl, MaxLength, ValidateBy, buildMessage } from 'class-validator';
import { normalizePhone } from './phone';

/*
 * What many inputs have in common. The plugins read decorators by name and do not look inside these, so lengths and formats a
 * document should tell are spelled out beside them.
 */

const text = (change: (value: string) => unknown): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? change(value) : value));

/** Without the blanks around it. Above the validators it serves. */
export const Trim = (): PropertyDecorator => text((value) => value.trim());

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

/** An http(s) address. */
export const WebUrl = (): PropertyDecorator =>
  applyDecorators(Trim(), IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false }), MaxLength(2048));

/** An IANA time zone the platform knows. */
export const TimeZone = (): PropertyDecorator =>
  ValidateBy({
    name: 'isTimeZone',
    validator: {
      validate: (value) => typeof value === 'string' && isTimeZone(value),
      defaultMessage: buildMessage((each) => `${each}$property must be an IANA time zone, such as America/Sao_Paulo`),
    },
  });

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

export function isTimeZone(value: string): boolean {
  // Intl also takes offsets such as +03:00, which know no summer time.
  if (!/^[A-Za-z]/.test(value)) return false;
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
