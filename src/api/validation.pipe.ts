import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validate } from 'class-validator';
import { resolveAliases, resolveBareList } from '#common/alias';
import { type ErrorDetail, Invalid } from '#common/errors';
import { MISTAKES_MAX, assertFit } from '#common/fit';
import { isOpen } from '#common/open';
import { isUuid } from '#common/uuid';
import { gatherRulesOnce } from './rules-once';

gatherRulesOnce();

const SIMPLE = new Set<unknown>([String, Boolean, Number, Array, Object]);
/** class-validator's rules about a value, which say nothing of one that is absent. */
const SHAPES =
  'isString isNotEmpty isLength minLength maxLength matches isEmail isUrl isUuid isEnum isIn isInt isNumber isBoolean isArray isObject isLatitude isLongitude isDayOrInstant arrayMinSize arrayMaxSize min max'.split(
    ' ',
  );
const PLACE: Record<string, string> = { body: 'body', query: 'query', param: 'path', custom: 'body' };

/** Input at the door: aliases resolved, unknown fields dropped, the rest validated; 422 names every wrong field. */
@Injectable()
export class InputPipe implements PipeTransform {
  async transform(value: unknown, { metatype, type, data }: ArgumentMetadata): Promise<unknown> {
    // The doors have looked at bodies and queries; a path is taken apart by its route.
    if (type === 'param') assertFit(value, 'path', data ?? '');
    if (!metatype || SIMPLE.has(metatype) || type === 'custom') return value;
    const place = PLACE[type];
    if (value === undefined || value === null) {
      // A GraphQL argument left out stays out; a whole body or query left out is an empty one.
      if (data !== undefined) return value;
      value = {};
    }
    value = resolveBareList(value, metatype.prototype as object);
    if (typeof value !== 'object' || Array.isArray(value)) throw noObject(place);
    const fields = value as Record<string, unknown>;
    if (type === 'query') assertNoBrackets(fields);
    return parse(metatype as Type<object>, fields, place);
  }
}

export const noObject = (place: string): Invalid => new Invalid([{ loc: [place], msg: 'must be a JSON object', type: 'object_type' }]);

/** `limit[]=3` is how others write a list; read as a name we do not know it would be left out in silence. */
function assertNoBrackets(query: Record<string, unknown>): void {
  const mistakes = Object.keys(query).flatMap((name): ErrorDetail[] => {
    const [field, bracket] = name.split('[');
    return bracket === undefined ? [] : [{ loc: ['query', field], msg: `give it as ${field}=, a list with commas`, type: 'bracket' }];
  });
  if (mistakes.length) throw new Invalid(mistakes.slice(0, MISTAKES_MAX));
}

/** A plain object as an instance of `target`. @throws {Invalid} naming every wrong field under `place`. */
export async function parse<T extends object>(target: Type<T>, value: Record<string, unknown>, ...place: string[]): Promise<T> {
  const given = resolveAliases(value, target.prototype as object);
  const instance = plainToInstance(target, given, { exposeDefaultValues: false });
  const errors = await validate(instance, { whitelist: true, forbidUnknownValues: false, stopAtFirstError: true });
  if (errors.length) throw new Invalid(errors.flatMap((error) => flatten(error, place.length ? place : ['body'])));
  return isOpen(target) ? Object.assign(Object.create(target.prototype as object) as T, given, instance) : instance;
}

function flatten(error: ValidationError, path: (string | number)[]): ErrorDetail[] {
  const loc = [...path, /^\d+$/.test(error.property) ? Number(error.property) : error.property];
  const own = Object.entries(error.constraints ?? {}).map(([type, message]): ErrorDetail =>
    // What is not there at all is not "too long"; a rule of our own knows better what it misses.
    error.value === undefined && SHAPES.includes(type)
      ? { loc, msg: `${error.property} is missing`, type: 'missing' }
      : { loc, msg: message, type },
  );
  return [...own, ...(error.children ?? []).flatMap((child) => flatten(child, loc))];
}

/** A path id: anything but a UUID is 422, not 404. One that GraphQL lets be left out stays out. */
@Injectable()
export class Uuid implements PipeTransform<string | null | undefined, string | undefined> {
  transform(value: string | null | undefined, { data }: ArgumentMetadata): string | undefined {
    if (value === null || value === undefined) return undefined;
    if (!isUuid(value)) throw new Invalid([{ loc: ['path', data ?? 'id'], msg: `${data ?? 'id'} must be a UUID`, type: 'uuid_parsing' }]);
    return value.toLowerCase();
  }
}
