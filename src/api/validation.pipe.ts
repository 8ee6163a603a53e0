import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validate } from 'class-validator';
import { resolveAliases } from '#common/alias';
import { type ErrorDetail, Invalid } from '#common/errors';
import { isUuid } from '#common/uuid';

const SIMPLE = new Set<unknown>([String, Boolean, Number, Array, Object]);
/** class-validator's rules about a value, which say nothing of one that is absent. */
const SHAPES =
  'isString isNotEmpty isLength minLength maxLength matches isEmail isUrl isUuid isEnum isIn isInt isNumber isBoolean isArray isObject isLatitude isLongitude isIso8601 arrayMinSize arrayMaxSize min max'.split(
    ' ',
  );
const PLACE: Record<string, string> = { body: 'body', query: 'query', param: 'path', custom: 'body' };

/** Input at the door: aliases resolved, unknown fields dropped, the rest validated; 422 names every wrong field. */
@Injectable()
export class InputPipe implements PipeTransform {
  async transform(value: unknown, { metatype, type, data }: ArgumentMetadata): Promise<unknown> {
    if (!metatype || SIMPLE.has(metatype) || type === 'custom') return value;
    const place = PLACE[type];
    if (value === undefined || value === null) {
      // A GraphQL argument left out stays out; a whole body or query left out is an empty one.
      if (data !== undefined) return value;
      value = {};
    }
    if (typeof value !== 'object' || Array.isArray(value))
      throw new Invalid([{ loc: [place], msg: 'must be a JSON object', type: 'object_type' }]);
    return parse(metatype as Type<object>, value as Record<string, unknown>, place);
  }
}

/** A plain object as an instance of `target`. @throws {Invalid} naming every wrong field under `place`. */
export async function parse<T extends object>(target: Type<T>, value: Record<string, unknown>, place = 'body'): Promise<T> {
  const unfit = unfitText(value, [place]);
  if (unfit.length) throw new Invalid(unfit);
  const instance = plainToInstance(target, resolveAliases(value, target.prototype as object), { exposeDefaultValues: false });
  const errors = await validate(instance, { whitelist: true, forbidUnknownValues: false, stopAtFirstError: true });
  if (errors.length) throw new Invalid(errors.flatMap((error) => flatten(error, [place])));
  return instance;
}

const UNFIT_MAX = 10;

/** PostgreSQL keeps neither U+0000 nor half a surrogate pair, in text or in JSON. */
function unfitText(value: unknown, loc: (string | number)[]): ErrorDetail[] {
  if (typeof value === 'string')
    return value.includes('\0') || !value.isWellFormed()
      ? [{ loc, msg: 'contains a character that cannot be stored', type: 'string_unicode' }]
      : [];
  if (typeof value !== 'object' || value === null) return [];
  const found: ErrorDetail[] = [];
  for (const [key, item] of Object.entries(value)) {
    const at = [...loc, Array.isArray(value) ? Number(key) : key];
    found.push(...unfitText(key, at), ...unfitText(item, at));
    if (found.length >= UNFIT_MAX) break;
  }
  return found;
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

/** A path id: anything but a UUID is 422, not 404. */
@Injectable()
export class Uuid implements PipeTransform<string, string> {
  transform(value: string, { data }: ArgumentMetadata): string {
    if (!isUuid(value)) throw new Invalid([{ loc: ['path', data ?? 'id'], msg: `${data ?? 'id'} must be a UUID`, type: 'uuid_parsing' }]);
    return value.toLowerCase();
  }
}

/** The same for an id that may be left out. */
@Injectable()
export class OptionalUuid extends Uuid {
  override transform(value: string, metadata: ArgumentMetadata): string {
    return value === undefined || value === null ? value : super.transform(value, metadata);
  }
}
