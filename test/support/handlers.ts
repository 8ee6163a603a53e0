import type { Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** A body, a query, or arguments of GraphQL, as a method takes it. */
export interface Input {
  place: 'body' | 'query';
  /** GraphQL: the one argument it is; REST: the one field. */
  name?: string;
  /** What it is declared as. */
  type: Type;
  pipes: unknown[];
}

/** A method of a controller or resolver that answers. */
export interface Handler {
  metatype: Type;
  handler: object;
  /** `ContactsController.page`. */
  name: string;
  /** The first of its paths, as Nest writes it, and the number of its method. */
  route?: { path: string; method: number };
  /** Its name in GraphQL's schema, and whether it stands at the root there. */
  field?: { name: string; root?: 'Query' | 'Mutation' };
  inputs: Input[];
}

/** Nest's numbers of a parameter's kind; GraphQL's arguments count as a body. */
const PLACES: Record<string, Input['place']> = { 3: 'body', 4: 'query' };

/** Every REST route and every GraphQL field that has a method of its own. */
export function handlersOf(app: NestExpressApplication): Handler[] {
  const classes = [...app.get(ModulesContainer).values()].flatMap(({ controllers, providers }) =>
    [...controllers.values(), ...providers.values()].map(({ metatype }) => metatype as Type | null),
  );
  return [...new Set(classes)].flatMap((metatype) => {
    if (typeof metatype !== 'function' || !metatype.prototype) return [];
    const methods = Object.getOwnPropertyNames(metatype.prototype).filter((name) => name !== 'constructor');
    return methods.flatMap((method) => handlerOf(metatype, method) ?? []);
  });
}

function handlerOf(metatype: Type, method: string): Handler | null {
  const prototype = metatype.prototype as object;
  const handler = Object.getOwnPropertyDescriptor(prototype, method)?.value as unknown;
  if (typeof handler !== 'function') return null;
  const verb = Reflect.getMetadata('method', handler) as number | undefined;
  const resolves = Reflect.hasMetadata('graphql:resolver_name', handler);
  if (verb === undefined && !resolves) return null;

  const path = [metatype, handler].map((part) => [Reflect.getMetadata('path', part) as string | string[]].flat()[0]).join('/');
  const name = (Reflect.getMetadata('graphql:resolver_name', handler) as string | undefined) ?? method;
  const root = Reflect.getMetadata('graphql:resolver_type', handler) as 'Query' | 'Mutation' | undefined;
  return {
    metatype,
    handler,
    name: `${metatype.name}.${method}`,
    ...(resolves ? { field: { name, root } } : { route: { path, method: verb ?? 0 } }),
    inputs: inputsOf(metatype, method),
  };
}

function inputsOf(metatype: Type, method: string): Input[] {
  type Parameter = { index: number; data?: string; pipes: unknown[] };
  const parameters = (Reflect.getMetadata('__routeArguments__', metatype, method) ?? {}) as Record<string, Parameter>;
  const types = Reflect.getMetadata('design:paramtypes', metatype.prototype as object, method) as Type[];
  return Object.entries(parameters).flatMap(([key, { index, data: name, pipes }]) => {
    const place = PLACES[key.split(':')[0]];
    return place ? [{ place, name, type: types[index], pipes }] : [];
  });
}
