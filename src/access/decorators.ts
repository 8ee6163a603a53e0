import { type ExecutionContext, SetMetadata, applyDecorators, createParamDecorator } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Actor, Role } from '#common/actor';
import type { PermissionResource } from '#common/permissions';
import type { RateLimitClass } from '#config/rate-classes';
import { requestOf } from './request';

export const PUBLIC = 'access:public';
export const ALLOW = 'access:allow';
export const RESOURCE = 'access:resource';
export const WRITES = 'access:writes';
export const OWN_ACCOUNT = 'access:own-account';
export const RATE_CLASS = 'access:rate-class';
export const ORGANIZATION_OPTIONAL = 'access:organization-optional';
export const PEOPLE_ONLY = 'access:people-only';
export const TWO_FACTOR_OPTIONAL = 'access:two-factor-optional';

// Each says itself in the OpenAPI document too (`x-role`, `x-rate-limit`); api/openapi.ts makes words and `security` of them.

/** No token needed. Everything else is closed. */
export const Public = (): MethodDecorator & ClassDecorator => applyDecorators(SetMetadata(PUBLIC, true), ApiExtension('x-role', 'public'));

/** The least role that may call the route. A route says this or `@Public()`. */
export const Allow = (role: `${Role}`): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ALLOW, role), ApiExtension('x-role', role));

/**
 * What a controller or resolver reads, writes and deletes: who has permissions of their own needs `read:`, `write:` or `delete:` of it. Whatever is open to
 * less than super_admin says this or `@OwnAccount()`; what says neither is closed to them.
 */
export const Resource = (name: PermissionResource): MethodDecorator & ClassDecorator => SetMetadata(RESOURCE, name);

/** A GET by another's contract that changes something: it needs `write:` of its resource. */
export const Writes = (): MethodDecorator => SetMetadata(WRITES, true);

/** Whose own account it is, and who else may. */
export interface Own {
  /** The parameter that names the user. */
  id: string;
  /** The least role for anybody else's id. */
  others: `${Role}`;
}

/** About the caller's own account: no permission is needed, and an API key has none. With `own`: where the id is the caller's; for another one its role and the permission are. */
export const OwnAccount = (own?: Own): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(OWN_ACCOUNT, own ?? true),
    own ? ApiExtension('x-role-for-others', own.others) : ApiExtension('x-people-only', true),
  );

/** The rate-limit class the route counts in; `none` for probes and documents. Default: general. */
export const RateClass = (name: RateLimitClass | 'none'): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(RATE_CLASS, name), ApiExtension('x-rate-limit', name));

/** Answers even when the caller's organization is suspended or inactive. */
export const EvenWhenSuspended = (): MethodDecorator => SetMetadata(ORGANIZATION_OPTIONAL, true);

/** Refuses API keys, as whatever is the caller's own account does: the making of keys, and what would let a program in as a person. */
export const PeopleOnly = (): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(PEOPLE_ONLY, true), ApiExtension('x-people-only', true));

/** Answers even who still has to set up the second factor their organization asks for. */
export const EvenWithoutTwoFactor = (): MethodDecorator => SetMetadata(TWO_FACTOR_OPTIONAL, true);

/** Who acts; set by the JWT guard. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor | undefined => requestOf(context).actor);

/** The address the request comes from. */
export const CallerIp = createParamDecorator((_: unknown, context: ExecutionContext): string | null => requestOf(context).ip ?? null);
