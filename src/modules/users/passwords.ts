import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { Invalid } from '#common/errors';
import { PASSWORD_MIN, passwordMistake } from '#common/password-policy';

/** A hash nobody has the password of, at the cost of the real ones. */
const nobodys = hash(crypto.randomUUID());

/** argon2id with the library's defaults, which are OWASP's: 19 MiB, 2 passes, 1 lane. Runs outside the event loop. */
@Injectable()
export class Passwords {
  hash(password: string): Promise<string> {
    return hash(password);
  }

  /** Takes the same time when there is no hash to compare with. */
  async matches(password_hash: string | null | undefined, password: string): Promise<boolean> {
    const same = await verify(password_hash ?? (await nobodys), password);
    return same && typeof password_hash === 'string';
  }

  /** @throws {Invalid} naming `field` when the password breaks the policy. */
  check(password: string, email: string, { field = 'password', min_length = PASSWORD_MIN } = {}): void {
    const wrong = passwordMistake(password, email, min_length);
    if (wrong) throw Invalid.field(field, `${field} ${wrong}`, 'validation_error', 'password_policy');
  }
}
