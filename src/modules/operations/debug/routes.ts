import { Injectable, RequestMethod, type Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { ALLOW, PUBLIC } from '#access/decorators';
import type { Role } from '#common/actor';
import type { DebugRoute } from './debug.dto';

const METHOD = 'method';
const PATH = 'path';

/** The routes of the controllers, as they are mounted. */
@Injectable()
export class Routes {
  private known: DebugRoute[] | undefined;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly config: ApplicationConfig,
  ) {}

  /** By path; the rooms are all there by the first request. */
  all(): readonly DebugRoute[] {
    return (this.known ??= this.find());
  }

  private find(): DebugRoute[] {
    const controllers = [...this.modules.values()].flatMap((module) =>
      [...module.controllers.values()].map(({ metatype }) => metatype as Type),
    );
    return [...new Set(controllers)]
      .flatMap((controller) => this.routesOf(controller))
      .sort((a, b) => (a.path === b.path ? compare(a.method, b.method) : compare(a.path, b.path)));
  }

  private routesOf(controller: Type): DebugRoute[] {
    const prototype = controller.prototype as object;
    return Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const handler: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      if (typeof handler !== 'function' || !Reflect.hasMetadata(METHOD, handler)) return [];
      const read = <T>(key: string): T | undefined =>
        (Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller)) as T | undefined;
      const role = read<boolean>(PUBLIC) ? 'public' : read<`${Role}`>(ALLOW);
      if (!role) return [];
      const method = RequestMethod[Reflect.getMetadata(METHOD, handler) as RequestMethod];
      const paths = pathsOf(controller).flatMap((base) => pathsOf(handler).map((own) => join(base, own)));
      return paths.map((path) => ({ method, path: this.mounted(path, method), role }));
    });
  }

  private mounted(path: string, method: string): string {
    const { exclude = [] } = this.config.getGlobalPrefixOptions();
    const outside = exclude.some(
      ({ pathRegex, requestMethod }) =>
        pathRegex.test(path) && (requestMethod === RequestMethod.ALL || RequestMethod[requestMethod] === method),
    );
    return outside ? path : join(this.config.getGlobalPrefix(), path);
  }
}

const pathsOf = (target: object): string[] => [Reflect.getMetadata(PATH, target) as string | string[]].flat();

const join = (...parts: string[]): string => `/${parts.flatMap((part) => part.split('/').filter(Boolean)).join('/')}`;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
