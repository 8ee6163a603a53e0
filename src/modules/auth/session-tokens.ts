import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { AccessClaims } from '#access/sessions';
import { Actor, type Role } from '#common/actor';
import { Unauthenticated } from '#common/errors';
import { hashOf } from '#common/hash-of';
import { isUuid, newId } from '#common/uuid';
import { Config } from '#config/config';
import type { Tx } from '#database/database';
import type { Act } from '#database/tx';
import { UsersService } from '#modules/users/users.service';
import type { AuthResponse, Token } from './auth.dto';
import type { Client } from './client';

/** Contract 10 §2 (decided): no family of refresh tokens lives longer, however often it rotates. */
const FAMILY_DAYS = 30;

interface RefreshClaims {
  sub: string;
  type: 'refresh';
  sid: string;
  jti: string;
  exp: number;
}

/** What the first step of a login answers, for the second one. */
interface ChallengeClaims {
  sub: string;
  type: 'mfa';
  tv: number;
}

/** For the time it takes to find one's phone. */
const CHALLENGE_SECONDS = 300;

/** Who is in, and the tokens they go on with. */
export interface Entered {
  actor: Actor;
  token: Token;
}

/** What the audit log tells of it beside. */
type Told = Pick<Act, 'after' | 'metadata'>;

interface SignedIn {
  id: string;
  organization_id: string;
  email: string;
  role: Role;
  token_version: number;
}

/** Sessions as they are opened, and the tokens they are held by. */
@Injectable()
export class SessionTokens {
  constructor(
    private readonly config: Config,
    private readonly jwt: JwtService,
    private readonly users: UsersService,
  ) {}

  /** A new session, the family of its refresh tokens, and their first pair. @throws {Unauthenticated} What was proved holds no more. */
  async open(tx: Tx, action: string, owner: SignedIn, client: Client, { after, metadata }: Told = {}): Promise<Entered> {
    const id = newId();
    const expires_at = new Date(Date.now() + FAMILY_DAYS * 86_400_000);
    // Who ends all sessions raises the version before: they wait for this row, and find the session, or this waits for them, and opens none.
    const [opened] = await tx.rows(
      `INSERT INTO sessions (id, organization_id, user_id, user_agent, ip_address, expires_at)
       SELECT $1::uuid, organization_id, user_id, $4::text, $5::text, $6::timestamptz FROM credentials
        WHERE organization_id = $2 AND user_id = $3 AND token_version = $7 FOR SHARE RETURNING id`,
      [id, owner.organization_id, owner.id, client.user_agent, client.ip, expires_at, owner.token_version],
    );
    if (!opened) throw new Unauthenticated('invalid_credentials', 'The account has changed at this moment. Log in again.');
    return this.issue(tx, action, owner, id, expires_at, { after: { ...after, session_id: id, expires_at }, metadata });
  }

  /** `action`: what the audit log calls it, and `told` what it tells of it. */
  async issue(tx: Tx, action: string, owner: SignedIn, sid: string, family_ends_at: Date, told: Told = {}): Promise<Entered> {
    const { access_token_ttl_seconds: expires_in, refresh_token_ttl_days } = this.config;
    const access: Omit<AccessClaims, 'iat' | 'exp'> = {
      sub: owner.id,
      organization_id: owner.organization_id,
      role: owner.role,
      type: 'access',
      sid,
      tv: owner.token_version,
      jti: newId(),
    };
    const expires_at = new Date(Math.min(Date.now() + refresh_token_ttl_days * 86_400_000, family_ends_at.getTime()));
    const refresh: RefreshClaims = { sub: owner.id, type: 'refresh', sid, jti: newId(), exp: Math.floor(expires_at.getTime() / 1000) };
    const refresh_token = this.jwt.sign(refresh);
    await tx.rows('INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at) VALUES ($1, $2, $3, $4)', [
      refresh.jti,
      sid,
      hashOf(refresh_token),
      expires_at,
    ]);
    const actor = new Actor(owner.organization_id, owner.role, owner.id, sid);
    tx.audit(actor, action, {
      resource_type: 'user',
      resource: { id: owner.id },
      actor_email: owner.email,
      ...told,
    });
    return {
      actor,
      token: { access_token: this.jwt.sign(access, { expiresIn: expires_in }), refresh_token, token_type: 'bearer', expires_in },
    };
  }

  async answer({ actor, token }: Entered, message: string): Promise<AuthResponse> {
    return { user: await this.users.profile(actor), token, ...token, message };
  }

  /** null: not one of our refresh tokens, or expired. */
  readRefresh(token: string, ignoreExpiration = false): RefreshClaims | null {
    try {
      const claims = this.jwt.verify<RefreshClaims>(token, { ignoreExpiration });
      return claims.type === 'refresh' && isUuid(claims.sub) && isUuid(claims.sid) && isUuid(claims.jti) ? claims : null;
    } catch {
      return null;
    }
  }

  /** For who gave the right password, and is asked for a code. */
  challenge({ id, token_version }: Pick<SignedIn, 'id' | 'token_version'>): { mfa_token: string; expires_in: number } {
    const claims: ChallengeClaims = { sub: id, type: 'mfa', tv: token_version };
    return { mfa_token: this.jwt.sign(claims, { expiresIn: CHALLENGE_SECONDS }), expires_in: CHALLENGE_SECONDS };
  }

  /** null: not one of our challenges, or expired. */
  readChallenge(token: string): ChallengeClaims | null {
    try {
      const claims = this.jwt.verify<ChallengeClaims>(token);
      return claims.type === 'mfa' && isUuid(claims.sub) ? claims : null;
    } catch {
      return null;
    }
  }
}
