import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { Invalid } from '#common/errors';
import { MASK } from '#common/mask';
import { PASSWORD_MIN, passwordMistake } from '#common/password-policy';
import { Turns } from '#common/turns';
import type { Act } from '#database/tx';

/** Hashes at once: 19 MiB and a thread of the four each, which files and names need too. */
const AT_ONCE = 2;
/** Some ten seconds' worth: a whole team may come at once; who comes then is asked to come back. */
const LINE_MAX = 500;

/** A hash nobody has the password of, at the cost of the real ones. */
const nobodys = hash(crypto.randomUUID());

/** argon2id with the library's defaults, which are OWASP's: 19 MiB, 2 passes, 1 lane. Runs outside the event loop. */
@Injectable()
export class Passwords {
  private readonly turns = new Turns(AT_ONCE, { line_max: LINE_MAX });

  hash(password: string): Promise<string> {
    return this.inTurn(() => hash(password));
  }

  /** A password nobody chose, as every policy wants it. */
  generate(min_length = PASSWORD_MIN): string {
    return `${randomBytes(Math.max(12, min_length)).toString('base64url')}a7`;
  }

  /** Whether it is the password; takes the same time when there is no hash to compare with. To be called in turn. */
  async matches(password_hash: string | null | undefined, password: string): Promise<boolean> {
    const same = await verify(password_hash ?? (await nobodys), password);
    return same && typeof password_hash === 'string';
  }

  /** Work that hashes, a few at a time. @throws {Unavailable} `busy`: too many wait; nothing of it has run. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.run(work);
  }

  /** @throws {Invalid} naming `field` when the password breaks the policy. */
  check(password: string, email: string, { field = 'password', min_length = PASSWORD_MIN } = {}): void {
    const wrong = passwordMistake(password, email, min_length);
    if (wrong) throw Invalid.field(field, `${field} ${wrong}`, 'validation_error', 'password_policy');
  }
}

/** What the audit log tells of a new password: that it is another one, or the first. */
export const anotherPassword = (had_one = true): Pick<Act, 'before' | 'after'> => ({
  before: { password: had_one ? MASK : null },
  after: { password: 'another' },
});
