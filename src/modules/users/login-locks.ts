import { createHmac, hkdfSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Forbidden } from '#common/errors';
import { Config } from '#config/config';
import { Database } from '#database/database';
import type { Sql } from '#database/sql';
import { SETTINGS_DEFAULTS } from '#modules/organizations/organization.dto';
import { Passwords } from './passwords';

export interface LockRules {
  max_failed_logins: number;
  lockout_minutes: number;
}

/** What became of an attempt to prove who one is. */
interface Attempt<T> {
  /** null: it was wrong, or a lock stood before it. */
  proved: T | null;
  /** A lock by the account's own rules stood before it. */
  locked: boolean;
  /** Until when a refusal calls the login locked: the same for every e-mail after the same guesses, whoever has it. null: not yet. */
  locked_until: Date | null;
  /** This guess was the last one the account's own rules allow. */
  locks: boolean;
}

/** What became of a guess at a password. */
export interface Guess extends Omit<Attempt<true>, 'proved'> {
  /** The password is right and no lock stands before it. */
  right: boolean;
}

/** What everybody may see: after so many wrong passwords any e-mail is called locked. An organization's own rules show nowhere. */
const { security_settings: SHOWN } = SETTINGS_DEFAULTS;

/**
 * Counts guesses at passwords by e-mail. No tenant's rows: e-mails that nobody has are counted in the same way. Two counts stand beside each
 * other: one by everybody's rules, which decides what a refusal is called, and one by the rules of the account's organization, which decides
 * whether the right password still gets in. So a stricter or laxer organization tells nobody that an account exists.
 */
@Injectable()
export class LoginLocks {
  private readonly key: Buffer;

  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
    { encryption_keys: [{ key }] }: Config,
  ) {
    this.key = Buffer.from(hkdfSync('sha256', key, '', 'pytake login failures', 32));
  }

  /**
   * A guess at a password. A locked login costs as much as a free one. `account`: null when nobody has the e-mail; `is_last`: nothing else is asked
   * for, see `attempt`.
   */
  guess(
    email: string,
    password: string,
    account: { password_hash: string | null; rules: LockRules } | null,
    is_last = true,
  ): Promise<Guess> {
    return this.passwords.inTurn(async () => {
      const prove = async (locked: boolean): Promise<true | null> =>
        ((await this.passwords.matches(account?.password_hash, password)) && !locked) || null;
      const { proved, ...attempt } = await this.attempt(email, account?.rules ?? SHOWN, prove, is_last);
      return { right: proved !== null, ...attempt };
    });
  }

  /**
   * Counted as wrong before it is looked at: however many come at once, no more than the rules allow can be right. What is right clears the count; where
   * it is not the last thing asked for (`is_last`), it only takes itself off it: else who has the password could guess at codes for ever.
   */
  async attempt<T>(email: string, rules: LockRules, prove: (locked: boolean) => Promise<T | null>, is_last = true): Promise<Attempt<T>> {
    const { failures, own_failures, locked_until } = await this.count(email, rules);
    const locked = own_failures > rules.max_failed_logins;
    const proved = await prove(locked);
    if (proved !== null) await (is_last ? this.clear(email) : this.uncount(email, rules));
    return {
      proved,
      locked,
      locks: own_failures === rules.max_failed_logins,
      // The guess that reaches the limit is still called wrong; those after it find the lock.
      locked_until: failures > SHOWN.max_failed_logins ? locked_until : null,
    };
  }

  /** Until when the right password does not get in, for each e-mail; free ones are left out. */
  async lockedUntilOf(emails: readonly string[]): Promise<Map<string, Date>> {
    const byKey = new Map(emails.map((email) => [this.nameOf(email), email]));
    const rows = await this.database.rows<{ email_hash: string; own_locked_until: Date }>(
      'SELECT email_hash, own_locked_until FROM login_failures WHERE email_hash = ANY($1) AND own_locked_until > now()',
      [[...byKey.keys()]],
    );
    return new Map(rows.map((row) => [byKey.get(row.email_hash) ?? '', row.own_locked_until]));
  }

  /** The password was right, an administrator lifts the lock, or the e-mail is nobody's any more. */
  async clear(email: string, sql: Sql = this.database): Promise<void> {
    await sql.rows('DELETE FROM login_failures WHERE email_hash = $1', [this.nameOf(email)]);
  }

  /** One less on both counts, and no lock that came with it. */
  private async uncount(email: string, own: LockRules): Promise<void> {
    await this.database.rows(
      `UPDATE login_failures SET failures = failures - 1, locked_until = CASE WHEN failures > $2 THEN locked_until END,
              own_failures = own_failures - 1, own_locked_until = CASE WHEN own_failures > $3 THEN own_locked_until END
        WHERE email_hash = $1 AND failures > 0 AND own_failures > 0`,
      [this.nameOf(email), SHOWN.max_failed_logins, own.max_failed_logins],
    );
  }

  /** One more in a row on both counts; a count starts again when its lock has passed. */
  private async count(email: string, own: LockRules): Promise<{ failures: number; own_failures: number; locked_until: Date | null }> {
    const [row] = await this.database.rows<{ failures: number; own_failures: number; locked_until: Date | null }>(
      `INSERT INTO login_failures AS f (email_hash, failures, own_failures) VALUES ($1, 1, 1)
       ON CONFLICT (email_hash) DO UPDATE SET
         failures = CASE WHEN f.locked_until <= now() THEN 1 ELSE f.failures + 1 END,
         locked_until = CASE WHEN f.locked_until <= now() THEN NULL
                             WHEN f.failures + 1 >= $2 THEN coalesce(f.locked_until, now() + $3 * interval '1 minute') END,
         own_failures = CASE WHEN f.own_locked_until <= now() THEN 1 ELSE f.own_failures + 1 END,
         own_locked_until = CASE WHEN f.own_locked_until <= now() THEN NULL
                                 WHEN f.own_failures + 1 >= $4 THEN coalesce(f.own_locked_until, now() + $5 * interval '1 minute') END,
         last_at = now()
       RETURNING failures, own_failures, locked_until`,
      [this.nameOf(email), SHOWN.max_failed_logins, SHOWN.lockout_minutes, own.max_failed_logins, own.lockout_minutes],
    );
    return row;
  }

  /** A hash alone could be guessed: e-mails are few. Another ENCRYPTION_KEY begins all counts anew. */
  private nameOf(email: string): string {
    return createHmac('sha256', this.key).update(email).digest('hex');
  }
}

/** The same words wherever a password or a code is asked for. */
export const accountLocked = (until: Date): Forbidden =>
  new Forbidden('account_locked', 'Too many wrong passwords or codes: this login is locked for a while.', {
    retry_after_seconds: Math.max(1, Math.ceil((until.getTime() - Date.now()) / 1000)),
  });
