import { Injectable, Logger } from '@nestjs/common';
import { type Session, Sessions, type UserSession, assertAddressAllowed, assertOrganizationActive } from '#access/sessions';
import { Actor, Role } from '#common/actor';
import { AppError, Forbidden, Unauthenticated } from '#common/errors';
import { hashOf } from '#common/hash-of';
import type { SuccessResponse } from '#common/success.dto';
import { Database, type Tx } from '#database/database';
import { AuditService } from '#modules/audit/audit.service';
import type { OrganizationSettings } from '#modules/organizations/organization.dto';
import { settingsOf } from '#modules/organizations/organization-settings';
import { AccountAccess } from '#modules/users/account-access';
import { AccountMails } from '#modules/users/account-mails';
import { type Guess, LoginLocks, accountLocked } from '#modules/users/login-locks';
import { UsersService } from '#modules/users/users.service';
import type { AuthResponse, LoginRequest, LogoutRequest, MeResponse, TokenStatus } from './auth.dto';
import type { Client } from './client';
import { SecurityAlerts } from './security-alerts';
import { type Entered, SessionTokens } from './session-tokens';
import type { TwoFactorVerify } from './two-factor.dto';
import { TwoFactors } from './two-factors';

/** A user as login meets them: by e-mail or token, before an organization is known. */
interface Owner {
  id: string;
  organization_id: string;
  email: string;
  language: string | null;
  role: Role;
  is_active: boolean;
  email_verified: boolean;
  password_hash: string | null;
  token_version: number;
  organization_status: Session['organization_status'];
  settings: Record<string, unknown>;
  /** Their login asks for a code too. */
  has_two_factor: boolean;
}

// Crosses organizations: who logs in says an e-mail or brings a token, and only then is known.
const OWNER = `SELECT u.id, u.organization_id, u.email, u.language, u.role, u.is_active, u.email_verified, c.password_hash, c.token_version,
                      o.status AS organization_status, o.settings, t.enabled_at IS NOT NULL AS has_two_factor
                 FROM users u JOIN organizations o ON o.id = u.organization_id
                 JOIN credentials c ON c.organization_id = u.organization_id AND c.user_id = u.id
                 LEFT JOIN two_factors t ON t.organization_id = u.organization_id AND t.user_id = u.id
                WHERE u.deleted_at IS NULL AND o.deleted_at IS NULL`;

@Injectable()
export class AuthService {
  private readonly logger = new Logger(AuthService.name);

  constructor(
    private readonly database: Database,
    private readonly tokens: SessionTokens,
    private readonly sessions: Sessions,
    private readonly users: UsersService,
    private readonly access: AccountAccess,
    private readonly locks: LoginLocks,
    private readonly audit: AuditService,
    private readonly mails: AccountMails,
    private readonly alerts: SecurityAlerts,
    private readonly twoFactors: TwoFactors,
  ) {}

  /**
   * Nobody's e-mail, a wrong password and a lock answer the same after the same guesses, in the same time.
   * @throws {Unauthenticated} `invalid_credentials`.
   * @throws {Forbidden} `account_locked` from the sixth failure in a row on; after the right password also `account_inactive`, `organization_*`,
   * `ip_not_allowed`, and `two_factor_required` with what the second step goes on with.
   */
  async login({ email, password }: LoginRequest, client: Client): Promise<AuthResponse> {
    const [owner] = await this.database.rows<Owner | undefined>(`${OWNER} AND u.email = $1`, [email]);
    const { security_settings } = settingsOf({ settings: owner?.settings ?? {} });
    const account = owner ? { password_hash: owner.password_hash, rules: security_settings } : null;
    const guess = await this.locks.guess(email, password, account, !owner?.has_two_factor);
    if (!guess.right || !owner) {
      await this.refuse(email, owner, guess, 'invalid_credentials');
      throw new Unauthenticated('invalid_credentials', 'E-mail or password is wrong.');
    }
    await this.orRefused(owner, () => assertMayLogIn(owner, security_settings, client));

    if (owner.has_two_factor) throw await this.challenge(owner);

    const entered = await this.orRefused(owner, () => this.database.tx((tx) => this.enter(tx, owner, client)));
    return this.tokens.answer(entered, 'Login successful');
  }

  /**
   * The second step of a login. Wrong codes count as wrong passwords do: the right password before them has not cleared the count.
   * @throws {Unauthenticated} `invalid_mfa_token`; `invalid_credentials`: the code is wrong, or was used.
   * @throws {Forbidden} As `login`.
   */
  async verifyTwoFactor({ mfa_token, code }: TwoFactorVerify, client: Client): Promise<AuthResponse> {
    const claims = this.tokens.readChallenge(mfa_token);
    const [owner] = claims ? await this.database.rows<Owner | undefined>(`${OWNER} AND u.id = $1`, [claims.sub]) : [];
    if (!owner?.has_two_factor || owner.token_version !== claims?.tv)
      throw new Unauthenticated('invalid_mfa_token', 'The mfa_token is not valid or has expired. Log in again.');
    const { security_settings } = settingsOf(owner);
    await this.orRefused(owner, () => assertMayLogIn(owner, security_settings, client));
    const enter = async (tx: Tx): Promise<Entered | null> => {
      const proof = await this.twoFactors.spend(tx, owner, code);
      if (proof === 'recovery_code') await this.alerts.recoveryCodeUsed(tx, owner, await this.twoFactors.recoveryCodesLeft(tx, owner));
      return proof && this.enter(tx, owner, client, { two_factor: proof });
    };
    const attempt = await this.locks.attempt(owner.email, security_settings, async (locked) =>
      locked ? null : this.orRefused(owner, () => this.database.tx(enter)),
    );
    if (attempt.proved) return this.tokens.answer(attempt.proved, 'Login successful');
    await this.refuse(owner.email, owner, attempt, 'two_factor_code_incorrect');
    throw new Unauthenticated('invalid_credentials', 'The code is wrong, or was used.');
  }

  /**
   * The next pair of tokens; the old refresh token is dead at once. Two at the same time with one token: the session's row lock lets one
   * win, and the other is a reuse.
   * @throws {Unauthenticated} `invalid_refresh_token`, `token_revoked`, or `refresh_token_reused`, which ends the whole family.
   */
  async refresh(refresh_token: string, client: Client): Promise<AuthResponse> {
    const claims = this.tokens.readRefresh(refresh_token);
    if (!claims) throw invalidRefreshToken();
    const result = await this.database.tx(async (tx) => {
      // By the token's own ids: an organization is not known before.
      const [session] = await tx.rows<{ organization_id: string; role: Role; expires_at: Date; revoked_at: Date | null } | undefined>(
        `SELECT s.organization_id, u.role, s.expires_at, s.revoked_at FROM sessions s JOIN users u ON u.organization_id = s.organization_id AND u.id = s.user_id
          WHERE s.id = $1 AND s.user_id = $2 FOR UPDATE OF s`,
        [claims.sid, claims.sub],
      );
      const [row] = await tx.rows<{ used_at: Date | null } | undefined>(
        'SELECT used_at FROM refresh_tokens WHERE id = $1 AND session_id = $2 AND token_hash = $3',
        [claims.jti, claims.sid, hashOf(refresh_token)],
      );
      if (!session || !row || session.expires_at <= new Date()) throw invalidRefreshToken();
      if (row.used_at || session.revoked_at) {
        await this.sessions.end(tx, claims.sub, claims.sid, 'refresh_token_reused');
        const owner = new Actor(session.organization_id, session.role, claims.sub);
        tx.audit(owner, 'auth.refresh_reuse_detected', { resource_type: 'session', resource: { id: claims.sid }, result: 'failure' });
        // A device whose session ended otherwise comes back with its token too: nobody stole that one.
        if (!session.revoked_at) await this.alerts.tokenReused(tx, { id: claims.sub, organization_id: session.organization_id });
        // Answered, not thrown: the end of the family must be committed.
        return null;
      }
      const [owner] = await tx.rows<Owner | undefined>(`${OWNER} AND u.id = $1`, [claims.sub]);
      if (!owner || !owner.is_active || (owner.organization_status !== 'active' && owner.role !== Role.super_admin))
        throw new Unauthenticated('token_revoked', 'The account or its organization is switched off.');
      assertAddressAllowed(settingsOf(owner).security_settings.allowed_ip_ranges, client.ip);
      await tx.rows('UPDATE refresh_tokens SET used_at = now() WHERE id = $1', [claims.jti]);
      await tx.rows('DELETE FROM refresh_tokens WHERE session_id = $1 AND expires_at < now()', [claims.sid]);
      return this.tokens.issue(tx, 'auth.refresh', owner, claims.sid, session.expires_at);
    });
    if (!result)
      throw new Unauthenticated('refresh_token_reused', 'This refresh token was used before: the session has ended. Sign in again.');
    return this.tokens.answer(result, 'Token refreshed');
  }

  /** Ends the session of the given refresh token, the caller's own without one, or all of the caller's. */
  async logout(actor: Actor, { refresh_token, all }: LogoutRequest): Promise<SuccessResponse> {
    const { user_id, session_id } = actor;
    if (!user_id || !session_id) throw new Unauthenticated();
    // Expired is good enough to say which session ends. Somebody else's or unknown: the caller's own.
    const claims = refresh_token ? this.tokens.readRefresh(refresh_token, true) : null;
    await this.database.tx(async (tx) => {
      const ended = claims?.sub === user_id ? claims.sid : session_id;
      const before = all ? { sessions: await this.sessions.endAll(tx, user_id, 'logout') } : { session_id: ended };
      if (!all) await this.sessions.end(tx, user_id, ended, 'logout');
      tx.audit(actor.atHome, 'auth.logout', {
        resource_type: 'user',
        resource: { id: user_id },
        before,
        metadata: { all: all ?? false },
      });
    });
    return { success: true, message: all ? 'Logged out everywhere' : 'Logged out' };
  }

  async me(actor: Actor): Promise<MeResponse> {
    const [profile, two_factor] = await Promise.all([this.users.profile(actor), this.twoFactors.state(actor)]);
    const own = { ...profile, two_factor };
    return { ...own, user: own };
  }

  status({ user_id, organization_id, role, expires_at }: UserSession): TokenStatus {
    return { valid: true, user_id, organization_id, role, expires_at };
  }

  /** What keeps out who has proved who they are stands in the audit log. */
  private async orRefused<T>(owner: Owner, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof AppError) await this.refused(owner.email, owner, error.error_code);
      throw error;
    }
  }

  /** The password was right, and a code is wanted. Auth0's shape: 403 with an `mfa_token`, which clients of it go on with. */
  private async challenge(owner: Owner): Promise<Forbidden> {
    const actor = new Actor(owner.organization_id, owner.role, owner.id);
    await this.audit.record(actor, 'auth.two_factor_asked', {
      resource_type: 'user',
      resource: { id: owner.id },
      actor_email: owner.email,
    });
    return new Forbidden('two_factor_required', 'A code is needed: send it with the mfa_token to POST /api/v1/auth/2fa/verify.', {
      beside: this.tokens.challenge(owner),
    });
  }

  /** Who has proved who they are is in; `metadata`: how, beside the password. */
  private async enter(tx: Tx, owner: Owner, client: Client, metadata?: Record<string, unknown>): Promise<Entered> {
    await this.access.noteLogin(tx, owner, client.ip);
    await tx.rows(
      `WITH gone AS (DELETE FROM sessions WHERE user_id = $1 AND expires_at < now() RETURNING id)
       DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM gone)`,
      [owner.id],
    );
    return this.tokens.open(tx, 'auth.login', owner, client, { metadata });
  }

  private refused(email: string, owner: Owner | undefined, reason: string, action = 'auth.login_failed'): Promise<void> {
    const actor = owner ? new Actor(owner.organization_id, owner.role, owner.id) : null;
    return this.audit.record(actor, action, {
      resource_type: 'user',
      ...(owner && { resource: { id: owner.id } }),
      actor_email: email,
      metadata: { reason },
      result: 'failure',
    });
  }

  /** A wrong guess: kept in the log, and told the owner where it locks. @throws {Forbidden} `account_locked`: what it is called. */
  private async refuse(
    email: string,
    owner: Owner | undefined,
    { locked, locks, locked_until }: Pick<Guess, 'locked' | 'locks' | 'locked_until'>,
    reason: string,
  ): Promise<void> {
    await this.refused(email, owner, locked ? 'account_locked' : reason);
    if (locks) await this.refused(email, owner, 'account_locked', 'auth.locked');
    // Nobody waits for it: how long a refusal takes says nothing of whether there is an account.
    if (locks && owner) void this.tellOfLock(owner, settingsOf(owner).security_settings.lockout_minutes);
    if (locked_until) throw accountLocked(locked_until);
  }

  private async tellOfLock(owner: Owner, minutes: number): Promise<void> {
    try {
      await this.database.tx(async (tx) => {
        await this.mails.locked(tx, owner, minutes);
        await this.alerts.locked(tx, owner);
      });
    } catch (error) {
      this.logger.warn({ msg: 'not told of a lock', user_id: owner.id, err: error });
    }
  }
}

const invalidRefreshToken = (): Unauthenticated =>
  new Unauthenticated('invalid_refresh_token', 'The refresh token is not valid or has expired. Sign in again.');

/** Said only to who knows the password. */
function assertMayLogIn(owner: Owner, security: OrganizationSettings['security_settings'], client: Client): void {
  if (!owner.is_active) throw new Forbidden('account_inactive', 'Your account is switched off. Ask your administrator.');
  if (security.require_email_verification && !owner.email_verified)
    throw new Forbidden('account_inactive', 'Confirm your e-mail first: your organization asks for it.');
  assertOrganizationActive(owner);
  assertAddressAllowed(security.allowed_ip_ranges, client.ip);
}
