import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Actor, Role, atLeast } from '#common/actor';
import { Bounded } from '#common/bounded';
import { Forbidden, Invalid, NotFound, Unauthenticated } from '#common/errors';
import { isApiKey } from '#common/bearer';
import { EventBus } from '#common/events';
import { inIpRanges } from '#common/ip-ranges';
import { type PermissionAction, type PermissionResource, holds } from '#common/permissions';
import { isUuid } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { Signals } from '#database/signals';
import { prepared } from '#database/sql';
import { ApiKeys } from './api-keys';

/** Claims of an access token. `role` is a hint: the database decides on each request. */
export interface AccessClaims {
  sub: string;
  organization_id: string;
  role: Role;
  type: 'access' | 'refresh';
  /** Session, one per login: the family of its refresh tokens. */
  sid: string;
  /** users' token version; a mismatch means revoked. */
  tv: number;
  jti: string;
  iat: number;
  exp: number;
}

/** What the database says of who comes with a token: a user in a session of theirs, or an API key. */
export interface Session {
  /** null: an API key. */
  user_id: string | null;
  organization_id: string;
  /** null: an API key. */
  session_id: string | null;
  /** null: a user. */
  api_key_id: string | null;
  role: Role;
  /** null: an API key. */
  email: string | null;
  /** Of an API key its name. */
  full_name: string;
  organization_status: 'active' | 'inactive' | 'suspended';
  /** Narrower than the role's permissions, of an API key its scopes; null: the role alone decides. */
  custom_permissions: string[] | null;
  /** Where the organization's users may come from (CIDR); empty: anywhere. */
  allowed_ip_ranges: string[];
  /** The organization asks for a second factor which the user does not have yet. */
  lacks_two_factor: boolean;
  /** null: an API key, which is looked at again and again. */
  expires_at: Date | null;
}

/** A user's. */
export type UserSession = Session & { user_id: string; session_id: string; expires_at: Date };

/** Whom one counts and remembers: a user, or an API key. */
export const holderOf = ({ user_id, api_key_id }: Pick<Session, 'user_id' | 'api_key_id'>): string => user_id ?? api_key_id ?? '';

interface SessionRow {
  organization_id: string;
  role: Role;
  email: string;
  full_name: string;
  is_active: boolean;
  token_version: number;
  organization_status: Session['organization_status'] | null;
  session_revoked: boolean;
  custom_permissions: string[] | null;
  allowed_ip_ranges: string[] | null;
  lacks_two_factor: boolean | null;
}

// Login's rows: met by the token's ids, before an organization is known.
const SESSION = prepared(`SELECT u.organization_id, u.role, u.email, u.full_name, u.is_active, u.custom_permissions, c.token_version,
        CASE WHEN o.deleted_at IS NULL THEN o.status END AS organization_status,
        s.revoked_at IS NOT NULL AS session_revoked, o.settings #> '{security_settings,allowed_ip_ranges}' AS allowed_ip_ranges,
        o.settings @> '{"security_settings": {"require_two_factor": true}}' AND t.user_id IS NULL AS lacks_two_factor
   FROM users u
   JOIN credentials c ON c.organization_id = u.organization_id AND c.user_id = u.id
   JOIN organizations o ON o.id = u.organization_id
   LEFT JOIN two_factors t ON t.organization_id = u.organization_id AND t.user_id = u.id AND t.enabled_at IS NOT NULL
   JOIN sessions s ON s.id = $2 AND s.organization_id = u.organization_id AND s.user_id = u.id
  WHERE u.id = $1 AND u.deleted_at IS NULL`);

/** A change of role, a logout or a deactivation is signalled to other processes; where that gets lost, it reaches them after this. */
const CACHE_MS = 3000;
/** The user, and the session that ended or `ALL` of theirs; without one the user is only to be read anew. */
const CHANNEL = 'pytake_sessions';
const ALL = '*';
const CACHE_MAX = 10_000;

/** Access token in, live session out: the same check for REST, GraphQL and sockets. */
@Injectable()
export class Sessions {
  private readonly cache = new Bounded<string, { at: number; row: SessionRow | null }>({ count: CACHE_MAX });
  /** Access tokens whose signature held. */
  private readonly tokens = new Bounded<string, AccessClaims>({ count: CACHE_MAX });
  /** How often something was forgotten: what was asked for before is not kept after. */
  private forgotten = 0;

  constructor(
    private readonly jwt: JwtService,
    private readonly database: Database,
    private readonly events: EventBus,
    private readonly signals: Signals,
    private readonly keys: ApiKeys,
  ) {}

  /** Hears of what other processes change; for who has doors. */
  listen(): void {
    this.signals.listen(CHANNEL, (payload) => {
      const [user_id, session_id] = payload.split(' ');
      if (session_id) this.endHere(user_id, session_id === ALL ? null : session_id);
      else this.changedHere(user_id);
    });
    this.keys.listen();
  }

  /**
   * Of an access token signature, expiry, then the owner's state; of an API key what is known of it.
   * @throws {Unauthenticated} `not_authenticated`, `token_expired`, `token_revoked` or `invalid_api_key`.
   */
  async verify(token: string): Promise<Session> {
    if (isApiKey(token)) return this.keys.verify(token);
    let claims: AccessClaims;
    try {
      claims = this.jwt.verify<AccessClaims>(token);
    } catch (error) {
      if ((error as Error).name === 'TokenExpiredError')
        throw new Unauthenticated('token_expired', 'The access token has expired. Refresh it or sign in again.');
      throw new Unauthenticated();
    }
    return this.check(claims);
  }

  /** Notes a token whose signature and expiry were looked at. */
  note(token: string | null, claims: AccessClaims): void {
    if (token) this.tokens.set(token, claims);
  }

  /** The session of a token that was noted and has not expired; null: verify it. @throws {Unauthenticated} as `check`. */
  async known(token: string | null): Promise<Session | null> {
    const claims = token === null ? undefined : this.tokens.get(token);
    return claims && claims.exp * 1000 > Date.now() ? this.check(claims) : null;
  }

  /** The session of claims whose signature held. @throws {Unauthenticated} as `verify`. */
  async check(claims: AccessClaims): Promise<UserSession> {
    if (claims.type !== 'access' || !isUuid(claims.sub) || !isUuid(claims.sid)) throw new Unauthenticated();
    const row = await this.row(claims.sub, claims.sid);
    if (!row || row.session_revoked || row.token_version !== claims.tv || !row.is_active || row.organization_status === null)
      throw new Unauthenticated('token_revoked', 'The session has ended. Sign in again.');
    return {
      user_id: claims.sub,
      organization_id: row.organization_id,
      session_id: claims.sid,
      api_key_id: null,
      role: row.role,
      email: row.email,
      full_name: row.full_name,
      organization_status: row.organization_status,
      custom_permissions: row.custom_permissions,
      allowed_ip_ranges: row.allowed_ip_ranges ?? [],
      lacks_two_factor: row.lacks_two_factor ?? false,
      expires_at: new Date(claims.exp * 1000),
    };
  }

  /**
   * Who acts, where, and from which addresses that organization lets people in: super_admin may name another one by header; of everybody else it
   * is ignored.
   * @throws {Invalid} The header is no UUID.
   * @throws {NotFound} There is no such organization.
   */
  async acting(session: Session, organization_header?: string): Promise<{ actor: Actor; allowed_ip_ranges: readonly string[] }> {
    const { organization_id, role, allowed_ip_ranges } = session;
    const actor = actorOf(session);
    if (role !== Role.super_admin || organization_header === undefined) return { actor, allowed_ip_ranges };
    if (!isUuid(organization_header))
      throw new Invalid([{ loc: ['header', 'X-Organization-Id'], msg: 'X-Organization-Id must be a UUID', type: 'uuid_parsing' }]);
    const chosen = organization_header.toLowerCase();
    if (chosen === organization_id) return { actor, allowed_ip_ranges };
    const [found] = await this.database.rows<{ ranges: string[] | null } | undefined>(
      `SELECT settings #> '{security_settings,allowed_ip_ranges}' AS ranges FROM organizations WHERE id = $1 AND deleted_at IS NULL`,
      [chosen],
    );
    if (!found) throw new NotFound('Organization');
    return { actor: actor.within(chosen), allowed_ip_ranges: found.ranges ?? [] };
  }

  /** Ends one session of a user: its access tokens, refresh tokens and sockets. */
  async end(tx: Tx, user_id: string, session_id: string, reason: string): Promise<void> {
    await tx.rows('UPDATE sessions SET revoked_at = now(), revoked_reason = $3 WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL', [
      user_id,
      session_id,
      reason,
    ]);
    tx.afterCommit(() => this.ended(user_id, session_id));
  }

  /**
   * Ends every session of a user: logout of all, deactivation, another role or password. One to `keep` loses its access tokens and sockets too, and goes
   * on with its next refresh. Answers how many ended.
   */
  async endAll(tx: Tx, user_id: string, reason: string, keep: string | null = null): Promise<number> {
    await tx.rows(
      `UPDATE credentials c SET token_version = c.token_version + 1 FROM users u
        WHERE u.id = $1 AND c.organization_id = u.organization_id AND c.user_id = u.id`,
      [user_id],
    );
    const ended = await tx.rows<{ was_good: boolean }>(
      `UPDATE sessions SET revoked_at = now(), revoked_reason = $2 WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $3
       RETURNING expires_at > now() AS was_good`,
      [user_id, reason, keep],
    );
    tx.afterCommit(() => this.ended(user_id, null));
    return ended.filter(({ was_good }) => was_good).length;
  }

  /** Ends every session of an organization; its sockets learn of it as of any other change of its rules. */
  async endOrganization(tx: Tx, organization_id: string, reason: string): Promise<void> {
    await tx.rows('UPDATE credentials SET token_version = token_version + 1 WHERE organization_id = $1', [organization_id]);
    await tx.rows('UPDATE sessions SET revoked_at = now(), revoked_reason = $2 WHERE organization_id = $1 AND revoked_at IS NULL', [
      organization_id,
      reason,
    ]);
  }

  /** What a user may has changed in the transaction: every process asks again, and looks at their sockets. */
  changed(tx: Tx, user_id: string): void {
    tx.afterCommit(() => {
      this.changedHere(user_id);
      this.signals.send(CHANNEL, user_id);
    });
  }

  private changedHere(user_id: string): void {
    this.forget(user_id);
    this.events.emit('session.changed', { user_id });
  }

  private ended(user_id: string, session_id: string | null): void {
    this.endHere(user_id, session_id);
    this.signals.send(CHANNEL, `${user_id} ${session_id ?? ALL}`);
  }

  private endHere(user_id: string, session_id: string | null): void {
    this.forget(user_id);
    this.events.emit('session.ended', { user_id, session_id });
  }

  /** Forgets what it knows of a user's sessions, and of the keys they made, at once. */
  forget(user_id: string): void {
    this.forgotten++;
    this.keys.forgetMaker(user_id);
    for (const key of this.cache.keys()) if (key.startsWith(user_id)) this.cache.delete(key);
  }

  /** The same for everybody of an organization, whose rules changed. */
  forgetOrganization(organization_id: string): void {
    this.forgotten++;
    this.keys.forgetOrganization(organization_id);
    for (const [key, { row }] of this.cache) if (row?.organization_id === organization_id) this.cache.delete(key);
  }

  private async row(user_id: string, session_id: string): Promise<SessionRow | null> {
    const key = `${user_id}:${session_id}`;
    const known = this.cache.get(key);
    if (known && Date.now() - known.at < CACHE_MS) return known.row;
    const { forgotten } = this;
    const [row] = await this.database.rows<SessionRow>(SESSION, [user_id, session_id]);
    if (forgotten === this.forgotten) this.cache.set(key, { at: Date.now(), row: row ?? null });
    return row ?? null;
  }
}

/** The actor of a session in its own organization. */
export const actorOf = ({ organization_id, role, user_id, session_id, full_name, api_key_id, custom_permissions }: Session): Actor =>
  new Actor(organization_id, role, user_id, session_id, full_name, api_key_id, null, custom_permissions);

/** @throws {Forbidden} The organization is switched off. super_admin is not affected. */
export function assertOrganizationActive(session: Pick<Session, 'organization_status' | 'role'>): void {
  if (session.organization_status === 'active' || session.role === Role.super_admin) return;
  if (session.organization_status === 'suspended')
    throw new Forbidden('organization_suspended', 'Your organization is suspended. Ask its administrator, or the operator of this server.');
  throw new Forbidden('organization_inactive', 'Your organization is not active. Ask its administrator, or the operator of this server.');
}

/** @throws {Forbidden} `permission_denied`: the user has permissions of their own, and this is none of them. */
export function assertPermitted(
  { custom_permissions }: Pick<Session, 'custom_permissions'>,
  action: PermissionAction,
  resource: PermissionResource | undefined,
): void {
  if (custom_permissions === null || (resource && holds(custom_permissions, `${action}:${resource}`))) return;
  throw permissionDenied(resource ? `${action}:${resource}` : 'other than your own account');
}

/** Nobody gives what they do not hold, nor has a say over who holds more: else whoever may change users could make somebody who may all. @throws {Forbidden} `permission_denied`. */
export function assertHolds({ permissions }: Pick<Actor, 'permissions'>, given: readonly string[]): void {
  const beyond = permissions && given.find((name) => !holds(permissions, name));
  if (beyond) throw permissionDenied(beyond);
}

/** A program that runs away with a key makes no person an administrator, who would stay when the key is revoked. @throws {Forbidden} `api_key_not_allowed`. */
export function assertMayAppoint({ api_key_id }: Pick<Actor, 'api_key_id'>, role: Role): void {
  if (api_key_id !== null && atLeast(role, Role.org_admin))
    throw new Forbidden('api_key_not_allowed', 'This is not for API keys: an administrator makes another one.');
}

const permissionDenied = (needed: string): Forbidden =>
  new Forbidden('permission_denied', `Your permissions do not allow this: ${needed}. Ask your administrator.`);

/** @throws {Forbidden} The organization asks for a second factor, and there is none yet. */
export function assertTwoFactor({ lacks_two_factor }: Pick<Session, 'lacks_two_factor'>): void {
  if (lacks_two_factor)
    throw new Forbidden(
      'two_factor_setup_required',
      'Your organization asks for a second factor: set it up at POST /api/v1/auth/2fa/setup, then enable it.',
    );
}

/** @throws {Forbidden} The organization lets its users in from other addresses only. */
export function assertAddressAllowed(ranges: readonly string[], ip: string | null | undefined): void {
  if (ranges.length && !(ip && inIpRanges(ip, ranges)))
    throw new Forbidden('ip_not_allowed', 'Your organization does not allow access from your network address.');
}
