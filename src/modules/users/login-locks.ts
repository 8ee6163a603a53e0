import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '#database/database';

export interface LockRules {
  max_failed_logins: number;
  lockout_minutes: number;
}

const keyOf = (email: string): string => createHash('sha256').update(email).digest('hex');

/** Counts wrong passwords by e-mail. No tenant's rows: e-mails that nobody has are counted in the same way. */
@Injectable()
export class LoginLocks {
  constructor(private readonly database: Database) {}

  /** Until when nobody may log in with the e-mail; null: free. */
  async lockedUntil(email: string): Promise<Date | null> {
    return (await this.lockedUntilOf([email])).get(email) ?? null;
  }

  /** The same for many; free ones are left out. */
  async lockedUntilOf(emails: readonly string[]): Promise<Map<string, Date>> {
    const byKey = new Map(emails.map((email) => [keyOf(email), email]));
    const rows = await this.database.source.query<{ email_hash: string; locked_until: Date }[]>(
      'SELECT email_hash, locked_until FROM login_failures WHERE email_hash = ANY($1) AND locked_until > now()',
      [[...byKey.keys()]],
    );
    return new Map(rows.map((row) => [byKey.get(row.email_hash) ?? '', row.locked_until]));
  }

  /** One more failure in a row; true when this one locked the e-mail. */
  async failed(email: string, { max_failed_logins, lockout_minutes }: LockRules): Promise<boolean> {
    const [row] = await this.database.source.query<{ failures: number }[]>(
      `INSERT INTO login_failures AS f (email_hash, failures) VALUES ($1, 1)
       ON CONFLICT (email_hash) DO UPDATE SET
         failures = CASE WHEN f.locked_until <= now() THEN 1 ELSE f.failures + 1 END,
         locked_until = CASE WHEN f.locked_until <= now() THEN NULL
                             WHEN f.failures + 1 >= $2 THEN coalesce(f.locked_until, now() + $3 * interval '1 minute') END,
         last_at = now()
       RETURNING failures`,
      [keyOf(email), max_failed_logins, lockout_minutes],
    );
    const locked = row?.failures === max_failed_logins;
    // Old counts go when a new lock comes: no lock is longer than a day.
    if (locked) await this.database.source.query(`DELETE FROM login_failures WHERE last_at < now() - interval '2 days'`);
    return locked;
  }

  /** The password was right, or an administrator lifts the lock. */
  async clear(email: string): Promise<void> {
    await this.database.source.query('DELETE FROM login_failures WHERE email_hash = $1', [keyOf(email)]);
  }

  /** Ends the count after a right password; a Date when other tries locked the e-mail meanwhile, so that guessing in parallel gains nothing. */
  async passed(email: string): Promise<Date | null> {
    await this.database.source.query(
      'DELETE FROM login_failures WHERE email_hash = $1 AND (locked_until IS NULL OR locked_until <= now())',
      [keyOf(email)],
    );
    return this.lockedUntil(email);
  }
}
