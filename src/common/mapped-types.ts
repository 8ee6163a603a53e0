import type { Type } from '@nestjs/common';
import * as graphql from '@nestjs/graphql';
import * as swagger from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { inheritAliases } from './alias';

/*
 * Pick, omit, intersect and make partial for REST and GraphQL at once. Nest has one set for each door and each forgets the other's half;
 * ours lay Swagger's half over GraphQL's and carry our aliases. In PartialType absent keeps, and null clears only what the base calls optional.
 */

export function PickType<T, K extends keyof T>(base: Type<T>, fields: readonly K[]): Type<Pick<T, K>> {
  return merge(graphql.PickType(base, fields, graphql.InputType), swagger.PickType(base, fields), [base], fields as readonly string[]);
}

export function OmitType<T, K extends keyof T>(base: Type<T>, fields: readonly K[]): Type<Omit<T, K>> {
  return merge(graphql.OmitType(base, fields, graphql.InputType), swagger.OmitType(base, fields), [base]);
}

export function PartialType<T>(base: Type<T>): Type<Partial<T>> {
  return merge(
    graphql.PartialType(base, { decorator: graphql.InputType, skipNullProperties: false }),
    swagger.PartialType(base, { skipNullProperties: false }),
    [base],
  );
}

export function IntersectionType<A, B>(a: Type<A>, b: Type<B>): Type<A & B> {
  return merge(graphql.IntersectionType(a, b, graphql.InputType), swagger.IntersectionType(a, b), [a, b]);
}

/** A REST query without some of its fields. */
export function QueryWithout<T, K extends keyof T>(query: Type<T>, without: readonly K[]): Type<Omit<T, K>> {
  const rest = swagger.OmitType(query, without);
  inheritAliases(query.prototype as object, rest.prototype as object);
  return rest;
}

/** What Swagger knows of a field. */
interface Described {
  format?: string;
  description?: string;
  required?: boolean;
  default?: unknown;
}

/**
 * A REST query as GraphQL's arguments: the same class with the same rules, described as in the OpenAPI document; `without` what this act does not
 * take. null, which a query string cannot say, counts as absent.
 */
export function ArgsOf<T>(query: Type<T>, without: readonly (keyof T)[] = []): Type<T> {
  class Arguments extends (query as Type<object>) {}
  graphql.ArgsType()(Arguments);
  const { prototype } = Arguments;
  const described = (swagger.OmitType(query, without) as unknown as Record<string, () => Record<string, Described>>)[PLUGIN_METADATA]();
  for (const [name, read] of Object.entries(described)) {
    // What stands beside the field wins over what the plugin read of it.
    const said = Reflect.getMetadata('swagger/apiModelProperties', prototype, name) as Described | undefined;
    const { format, description, required = true, default: defaultValue } = { ...read, ...said };
    const type = Reflect.getMetadata('design:type', prototype, name) as graphql.GqlTypeReference;
    const exact = format === 'uuid' ? graphql.ID : type === Number && format !== 'double' ? graphql.Int : type === Array ? [String] : type;
    graphql.Field(() => exact, { nullable: !required, description, defaultValue })(prototype, name);
    if (!required) Transform(({ value }: { value: unknown }) => value ?? undefined)(prototype, name);
  }
  return Arguments as Type<T>;
}

const PLUGIN_METADATA = '_OPENAPI_METADATA_FACTORY';

/** Swagger's half of `described` onto `target`, plus the aliases of the bases. */
function merge<T>(target: Type<unknown>, described: Type<unknown>, bases: Type<unknown>[], fields?: readonly string[]): Type<T> {
  const properties = (Reflect.getMetadata('swagger/apiModelPropertiesArray', described.prototype as object) ?? []) as string[];
  for (const property of properties) {
    const name = property.replace(/^:/, '');
    const metadata = Reflect.getMetadata('swagger/apiModelProperties', described.prototype as object, name) as swagger.ApiPropertyOptions;
    swagger.ApiProperty(metadata)(target.prototype as object, name);
  }
  const factory = (described as unknown as Record<string, unknown>)[PLUGIN_METADATA];
  if (factory) Object.defineProperty(target, PLUGIN_METADATA, { value: factory, configurable: true });
  for (const base of bases) inheritAliases(base.prototype as object, target.prototype as object, fields);
  return target as Type<T>;
}
