import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';
import type { Actor, Role } from '#common/actor';
import type { RateLimitClass } from '#config/config';
import { requestOf } from './request';

export const PUBLIC = 'access:public';
export const ALLOW = 'access:allow';
export const RATE_CLASS = 'access:rate-class';
export const ORGANIZATION_OPTIONAL = 'access:organization-optional';

/** No token needed. Everything else is closed. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

/** The least role that may call the route. A route says this or `@Public()`. */
export const Allow = (role: `${Role}`): MethodDecorator & ClassDecorator => SetMetadata(ALLOW, role);

/** The rate-limit class the route counts in; `none` for probes and documents. Default: general. */
export const RateClass = (name: RateLimitClass | 'none'): MethodDecorator & ClassDecorator => SetMetadata(RATE_CLASS, name);

/** Answers even when the caller's organization is suspended or inactive. */
export const EvenWhenSuspended = (): MethodDecorator => SetMetadata(ORGANIZATION_OPTIONAL, true);

/** Who acts; set by the JWT guard. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor | undefined => requestOf(context).actor);
