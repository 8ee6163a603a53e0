import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BadRequest } from '#common/errors';
import { hashOf } from '#common/hash-of';
import type { Tx } from '#database/database';
import type { Sql } from '#database/sql';
import type { MailedToken, TokenPurpose } from './mailed-token.entity';
import type { User } from './user.entity';

/** Contract 10, 2 and 4. */
const HOURS: Record<TokenPurpose, number> = { invitation: 7 * 24, password_reset: 1, email_verification: 72 };
const TOKEN_BYTES = 32;

export interface TokenOwner extends Pick<MailedToken, 'organization_id' | 'user_id' | 'purpose'>, Pick<User, 'email' | 'role'> {}

// By the token's own hash: an organization is not known before. It proves the address it was mailed to, while that is the account's.
const GOOD = `users u WHERE t.token_hash = $1 AND t.purpose = ANY($2) AND t.expires_at > now()
  AND u.organization_id = t.organization_id AND u.id = t.user_id AND u.email = t.email AND u.is_active AND u.deleted_at IS NULL
  AND u.anonymized_at IS NULL`;
const OWNER = 't.organization_id, t.user_id, t.purpose, u.email, u.role';

/** Tokens that prove who reads somebody's mail. Kept as hashes: who reads the database has none. */
@Injectable()
export class MailedTokens {
  /**
   * A new one, kept where `mailed` says that it leaves; then the one before it of the same purpose is dead. Of many at once each waits for the one
   * before: what is mailed last is what is good.
   */
  async issue(
    tx: Tx,
    { organization_id, id, email }: Pick<User, 'organization_id' | 'id' | 'email'>,
    purpose: TokenPurpose,
    mailed: (token: string) => Promise<boolean>,
  ): Promise<boolean> {
    await tx.rows('SELECT 1 FROM users WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE', [organization_id, id]);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    if (!(await mailed(token))) return false;
    await tx.rows(
      `INSERT INTO mailed_tokens (organization_id, user_id, purpose, token_hash, email, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 hour')
       ON CONFLICT (organization_id, user_id, purpose) DO UPDATE
         SET token_hash = excluded.token_hash, email = excluded.email, created_at = now(), expires_at = excluded.expires_at`,
      [organization_id, id, purpose, hashOf(token), email, HOURS[purpose]],
    );
    return true;
  }

  /** Whose it is while it is good; it stays so. @throws {BadRequest} `invalid_token`. */
  async owner(sql: Sql, token: string, purposes: readonly TokenPurpose[]): Promise<TokenOwner> {
    const [owner] = await sql.rows<TokenOwner | undefined>(`SELECT ${OWNER} FROM mailed_tokens t, ${GOOD}`, [hashOf(token), purposes]);
    return owner ?? invalidToken();
  }

  /** The same, once: of many who bring it at the same time one goes on. @throws {BadRequest} `invalid_token`. */
  async redeem(tx: Tx, token: string, purposes: readonly TokenPurpose[]): Promise<TokenOwner> {
    const [owner] = await tx.rows<TokenOwner | undefined>(`DELETE FROM mailed_tokens t USING ${GOOD} RETURNING ${OWNER}`, [
      hashOf(token),
      purposes,
    ]);
    return owner ?? invalidToken();
  }

  /** None of these is good any more. */
  async revoke(tx: Tx, { organization_id, id }: Pick<User, 'organization_id' | 'id'>, purposes: readonly TokenPurpose[]): Promise<void> {
    await tx.rows('DELETE FROM mailed_tokens WHERE organization_id = $1 AND user_id = $2 AND purpose = ANY($3)', [
      organization_id,
      id,
      purposes,
    ]);
  }
}

function invalidToken(): never {
  throw new BadRequest('invalid_token', 'This link is not valid any more: it was used, has expired, or a newer one was sent.');
}
