import { ValidateBy } from 'class-validator';
import { isObject } from '#common/is-object';
import { CHANNELS, noticeTypes } from './notice-types';

/** Declared types, each with declared channels and whether they are wanted. */
export const IsTypePreferences = (): PropertyDecorator =>
  ValidateBy({
    name: 'isTypePreferences',
    validator: {
      validate: (value) => flawOf(value) === null,
      defaultMessage: (args) => `types ${flawOf(args?.value) ?? 'is not valid'}`,
    },
  });

function flawOf(value: unknown): string | null {
  if (!isObject(value)) return 'must be an object of types';
  const known = noticeTypes().map(([type]) => type);
  for (const [type, channels] of Object.entries(value)) {
    if (!known.includes(type)) return `must name one of ${known.join(', ')}`;
    if (!isObject(channels)) return `must say of ${type} which channels are wanted`;
    for (const [channel, wanted] of Object.entries(channels)) {
      if (!(CHANNELS as string[]).includes(channel)) return `must name of ${type} one of ${CHANNELS.join(', ')}`;
      if (typeof wanted !== 'boolean') return `must say true or false of ${type}.${channel}`;
    }
  }
  return null;
}
