import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GqlExecutionContext } from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { type Role, atLeast } from '#common/actor';
import { credentialOf, isApiKey } from '#common/bearer';
import { Forbidden, Unauthenticated } from '#common/errors';
import type { PermissionAction, PermissionResource } from '#common/permissions';
import { actsFor } from '#database/connections';
import {
  ALLOW,
  ORGANIZATION_OPTIONAL,
  OWN_ACCOUNT,
  type Own,
  PEOPLE_ONLY,
  PUBLIC,
  RESOURCE,
  TWO_FACTOR_OPTIONAL,
  WRITES,
} from './decorators';
import { LastUses } from './last-uses';
import { type AppRequest, requestOf } from './request';
import { type Session, Sessions, assertAddressAllowed, assertOrganizationActive, assertPermitted, assertTwoFactor } from './sessions';

const read = <T>(reflector: Reflector, key: string, context: ExecutionContext): T | undefined =>
  reflector.getAllAndOverride<T | undefined>(key, [context.getHandler(), context.getClass()]);

/** Who: a live session or API key, unless the route is public. */
@Injectable()
export class JwtGuard extends AuthGuard('jwt') {
  constructor(
    private readonly reflector: Reflector,
    private readonly sessions: Sessions,
    private readonly last_uses: LastUses,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType<string>() === 'ws' || read<boolean>(this.reflector, PUBLIC, context)) return true;
    // One HTTP request may run many GraphQL resolvers; the token is checked once.
    const request = requestOf(context);
    if (request.session) return true;
    const session = await this.session(context, request);
    const { actor, allowed_ip_ranges } = await this.sessions.acting(session, request.get('x-organization-id'));
    // Together, and last: the request's other resolvers take a session for a sign that all is done.
    Object.assign(request, { session, actor, allowed_ip_ranges });
    actsFor(actor.organization_id);
    this.last_uses.note(session, request.ip);
    return true;
  }

  private async session(context: ExecutionContext, request: AppRequest): Promise<Session> {
    const credential = credentialOf(request.headers);
    if (credential && isApiKey(credential)) return this.sessions.verify(credential);
    const known = await this.sessions.known(credential);
    if (known) return known;
    await super.canActivate(context);
    return request.user as Session;
  }

  override getRequest(context: ExecutionContext): AppRequest {
    return requestOf(context);
  }

  override handleRequest<T = Session>(error: unknown, session: Session | false, info: unknown, context: ExecutionContext): T {
    if (error) throw error;
    if (!session) {
      if ((info as Error | undefined)?.name === 'TokenExpiredError')
        throw new Unauthenticated('token_expired', 'The access token has expired. Refresh it or sign in again.');
      const header = requestOf(context).get('authorization');
      if (header && !/^bearer /i.test(header))
        throw new Unauthenticated('not_authenticated', 'Sign in first: the header reads "Authorization: Bearer ACCESS_TOKEN".');
      throw new Unauthenticated();
    }
    return session as T;
  }
}

/**
 * May: the route's least role, and the permission where the user has a list of their own; and whose: an organization that is switched on. A route that
 * says nothing is closed.
 */
@Injectable()
export class RolesGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType<string>() === 'ws' || read<boolean>(this.reflector, PUBLIC, context)) return true;
    const { session, allowed_ip_ranges = [], ip } = requestOf(context);
    if (!session) throw new Unauthenticated();
    const is = (mark: string): boolean => read<boolean>(this.reflector, mark, context) ?? false;
    const allowed = read<Role>(this.reflector, ALLOW, context);
    if (!allowed) throw new Forbidden();
    const own = read<Own | true>(this.reflector, OWN_ACCOUNT, context);
    const is_own = own === true || (own !== undefined && idIn(context, own.id) === session.user_id);
    const least = own !== undefined && own !== true && !is_own ? (own.others as Role) : allowed;
    if (!atLeast(session.role, least))
      throw new Forbidden('insufficient_role', `Your role does not allow this; ${least} is the least that does.`);
    if (!is_own)
      assertPermitted(session, is(WRITES) ? 'write' : actionOf(context), read<PermissionResource>(this.reflector, RESOURCE, context));
    if (session.api_key_id !== null && (own === true || is(PEOPLE_ONLY)))
      throw new Forbidden('api_key_not_allowed', 'This is not for API keys: sign in as yourself.');
    for (const ranges of [session.allowed_ip_ranges, allowed_ip_ranges]) assertAddressAllowed(ranges, ip);
    if (!is(ORGANIZATION_OPTIONAL)) assertOrganizationActive(session);
    if (!is(TWO_FACTOR_OPTIONAL)) assertTwoFactor(session);
    return true;
  }
}

/** An id of a REST path, or among GraphQL's arguments. */
function idIn(context: ExecutionContext, name: string): string | undefined {
  const graphql = context.getType<string>() === 'graphql';
  const given: Record<string, unknown> = graphql ? GqlExecutionContext.create(context).getArgs() : requestOf(context).params;
  const id = given[name];
  return typeof id === 'string' ? id.toLowerCase() : undefined;
}

const READING = new Set(['GET', 'HEAD']);

/** Contract 10, 4: a GET reads, a DELETE deletes, every other method writes. GraphQL's mutations say by their names what their twins do. */
function actionOf(context: ExecutionContext): PermissionAction {
  if (context.getType<string>() !== 'graphql') {
    const { method } = requestOf(context);
    return READING.has(method) ? 'read' : method === 'DELETE' ? 'delete' : 'write';
  }
  const { parentType, fieldName } = GqlExecutionContext.create(context).getInfo<{ parentType: { name: string }; fieldName: string }>();
  if (parentType.name !== 'Mutation') return 'read';
  return /^(?:delete|remove|unmark)(?=[A-Z])/.test(fieldName) ? 'delete' : 'write';
}
