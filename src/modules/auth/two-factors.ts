import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Secret, TOTP } from 'otpauth';
import { Sessions } from '#access/sessions';
import type { Actor } from '#common/actor';
import { Encryption } from '#common/encryption';
import { BadRequest, Conflict, Forbidden, Unauthenticated } from '#common/errors';
import { hashOf } from '#common/hash-of';
import { MASK } from '#common/mask';
import { Database, type Tx } from '#database/database';
import type { Act } from '#database/tx';
import { settingsOf } from '#modules/organizations/organization-settings';
import { LoginLocks, accountLocked } from '#modules/users/login-locks';
import { Passwords } from '#modules/users/passwords';
import { lockMember } from '#modules/users/visible-user';
import { SecurityAlerts } from './security-alerts';
import type { RecoveryCodes, TwoFactorDisable, TwoFactorSetup, TwoFactorState } from './two-factor.dto';

/** RFC 6238 as every authenticator app knows it: SHA-1, six digits, a new code every 30 seconds; one before and one after count too. */
const STEP_SECONDS = 30;
const WINDOW = 1;
/** RFC 4226, 4: 160 bits are recommended. */
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
/** 80 bits: too many to be guessed from a hash, few enough to be typed. */
const RECOVERY_BYTES = 10;
const ISSUER = 'PyTake';

/** Which of the two proved it. */
export type Proof = 'totp' | 'recovery_code';

/** An account as its second factor needs it. */
interface Account {
  id: string;
  organization_id: string;
  email: string;
  password_hash: string | null;
  settings: Record<string, unknown>;
  /** Sealed. */
  secret: string | null;
  enabled_at: Date | null;
  recovery_codes_left: number;
}

// One's own row, met by its id: also while a super admin acts inside another organization.
const ACCOUNT = `SELECT u.id, u.organization_id, u.email, c.password_hash, o.settings, t.secret, t.enabled_at,
                        coalesce(cardinality(t.recovery_hashes), 0) AS recovery_codes_left
                   FROM users u JOIN organizations o ON o.id = u.organization_id
                   JOIN credentials c ON c.organization_id = u.organization_id AND c.user_id = u.id
                   LEFT JOIN two_factors t ON t.organization_id = u.organization_id AND t.user_id = u.id
                  WHERE u.id = $1 AND u.deleted_at IS NULL`;

/** The second factor of a login: codes of an app, and recovery codes for when it is lost. */
@Injectable()
export class TwoFactors {
  constructor(
    private readonly database: Database,
    private readonly encryption: Encryption,
    private readonly sessions: Sessions,
    private readonly passwords: Passwords,
    private readonly locks: LoginLocks,
    private readonly alerts: SecurityAlerts,
  ) {}

  async state(actor: Actor): Promise<TwoFactorState> {
    const { enabled_at, settings, recovery_codes_left } = await this.account(actor);
    const { require_two_factor } = settingsOf({ settings }).security_settings;
    return { enabled: enabled_at !== null, required: require_two_factor, recovery_codes_left };
  }

  /**
   * A new secret; it counts once a code of it was shown. With the password: a stolen token must not shut its owner out.
   * @throws {Conflict} `two_factor_enabled`. @throws {BadRequest} `current_password_incorrect`. @throws {Forbidden} `account_locked`.
   */
  async setup(actor: Actor, password: string): Promise<TwoFactorSetup> {
    const account = await this.account(actor);
    if (account.enabled_at) throw alreadyEnabled();
    await this.ask(account, password);
    const secret = new Secret({ size: SECRET_BYTES });
    await this.database.tx(async (tx) => {
      const [kept] = await tx.rows(
        `INSERT INTO two_factors AS t (organization_id, user_id, secret) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET secret = excluded.secret, created_at = now() WHERE t.enabled_at IS NULL
         RETURNING user_id`,
        [account.organization_id, account.id, this.encryption.encrypt(secret.base32, [account.organization_id, account.id])],
      );
      if (!kept) throw alreadyEnabled();
      this.say(tx, actor.atHome, 'auth.two_factor_set_up', account, { after: { two_factor_secret: MASK } });
    });
    return { secret: secret.base32, otpauth_url: totpOf(secret, account.email).toString() };
  }

  /** @throws {Conflict} `two_factor_enabled`, `two_factor_not_set_up`. @throws {BadRequest} `two_factor_code_incorrect`. */
  async enable(actor: Actor, code: string): Promise<RecoveryCodes> {
    const account = await this.account(actor);
    if (account.enabled_at) throw alreadyEnabled();
    if (!account.secret) throw new Conflict('two_factor_not_set_up', 'There is nothing to enable: set the second factor up first.');
    const step = this.stepOf(account, account.secret, code);
    if (step === null) throw codeIncorrect();
    const recovery_codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    await this.database.tx(async (tx) => {
      // Two at once: one has its recovery codes kept, and is told them.
      const [enabled] = await tx.rows(
        `UPDATE two_factors SET enabled_at = now(), last_step = $4, recovery_hashes = $5
          WHERE organization_id = $1 AND user_id = $2 AND secret = $3 AND enabled_at IS NULL RETURNING user_id`,
        [account.organization_id, account.id, account.secret, step, recovery_codes.map(hashOfRecoveryCode)],
      );
      if (!enabled) throw alreadyEnabled();
      this.say(tx, actor.atHome, 'auth.two_factor_enabled', account, ON);
      await this.alerts.twoFactor(tx, account, 'on');
      this.sessions.changed(tx, account.id);
    });
    return { recovery_codes };
  }

  /**
   * @throws {Conflict} `two_factor_not_enabled`. @throws {BadRequest} `current_password_incorrect`, `two_factor_code_incorrect`.
   * @throws {Forbidden} `account_locked`: guesses count as at the login.
   */
  async disable(actor: Actor, { password, code }: TwoFactorDisable): Promise<void> {
    const account = await this.account(actor);
    if (!account.enabled_at) throw notEnabled();
    const off = async (tx: Tx): Promise<true | null> => {
      if (!(await this.spend(tx, account, code))) return null;
      await this.remove(tx, account);
      this.say(tx, actor.atHome, 'auth.two_factor_disabled', account, OFF);
      await this.alerts.twoFactor(tx, account, 'off');
      return true;
    };
    await this.ask(account, password, () => this.database.tx(off));
  }

  /**
   * Somebody else's, who lost phone and recovery codes.
   * @throws {Forbidden} `cannot_modify_self`, `permission_denied`. @throws {NotFound} @throws {Conflict} `two_factor_not_enabled`.
   */
  async resetOf(actor: Actor, id: string): Promise<void> {
    if (id === actor.user_id)
      throw new Forbidden(
        'cannot_modify_self',
        'Your own second factor goes with your password and a code: POST /api/v1/auth/2fa/disable.',
      );
    await this.database.tx(async (tx) => {
      const user = await lockMember(tx, actor, id);
      if (!(await this.reset(tx, user))) throw notEnabled();
      this.say(tx, actor, 'user.two_factor_reset', user, OFF);
    });
  }

  /** The password alone lets in again, once every session has ended and a lock is lifted. False: there was none. */
  async reset(tx: Tx, account: Pick<Account, 'organization_id' | 'id' | 'email'>): Promise<boolean> {
    if (!(await this.remove(tx, account))) return false;
    await this.sessions.endAll(tx, account.id, 'two_factor_reset');
    await this.alerts.twoFactor(tx, account, 'reset');
    tx.afterCommit(() => this.locks.clear(account.email));
    return true;
  }

  /** Takes a code, of the app or for recovery: each is good once, however many bring it at the same time. null: it is none, or was taken. */
  async spend(tx: Tx, { organization_id, id }: Pick<Account, 'organization_id' | 'id'>, code: string): Promise<Proof | null> {
    const [factor] = await tx.rows<{ secret: string } | undefined>(
      'SELECT secret FROM two_factors WHERE organization_id = $1 AND user_id = $2 AND enabled_at IS NOT NULL',
      [organization_id, id],
    );
    if (!factor) return null;
    const step = this.stepOf({ organization_id, id }, factor.secret, code);
    const took = async (change: string, value: unknown, still: string): Promise<boolean> => {
      const statement = `UPDATE two_factors SET ${change} WHERE organization_id = $1 AND user_id = $2 AND ${still} RETURNING user_id`;
      return (await tx.rows(statement, [organization_id, id, value])).length > 0;
    };
    if (step !== null && (await took('last_step = $3', step, 'last_step < $3'))) return 'totp';
    const left = 'recovery_hashes = array_remove(recovery_hashes, $3)';
    return (await took(left, hashOfRecoveryCode(code), '$3 = ANY(recovery_hashes)')) ? 'recovery_code' : null;
  }

  async recoveryCodesLeft(tx: Tx, { organization_id, id }: Pick<Account, 'organization_id' | 'id'>): Promise<number> {
    const [factor] = await tx.rows<{ left: number } | undefined>(
      'SELECT cardinality(recovery_hashes) AS left FROM two_factors WHERE organization_id = $1 AND user_id = $2',
      [organization_id, id],
    );
    return factor?.left ?? 0;
  }

  /** Switches it off, or forgets a set-up. False: there was none. */
  private async remove(tx: Tx, { organization_id, id }: Pick<Account, 'organization_id' | 'id'>): Promise<boolean> {
    const gone = await tx.rows('DELETE FROM two_factors WHERE organization_id = $1 AND user_id = $2 RETURNING user_id', [
      organization_id,
      id,
    ]);
    this.sessions.changed(tx, id);
    return gone.length > 0;
  }

  private async account({ user_id }: Actor): Promise<Account> {
    const [account] = await this.database.rows<Account | undefined>(ACCOUNT, [user_id]);
    if (!account) throw new Unauthenticated();
    return account;
  }

  /**
   * The password, then what proves the code, where one is asked for too (null: it is wrong).
   * @throws {BadRequest} `current_password_incorrect`, `two_factor_code_incorrect`. @throws {Forbidden} `account_locked`: guesses count as at the login.
   */
  private async ask(account: Account, password: string, proveCode = (): Promise<true | null> => Promise.resolve(true)): Promise<void> {
    let wrong = passwordIncorrect;
    const prove = async (locked: boolean): Promise<true | null> => {
      if (!(await this.passwords.matches(account.password_hash, password)) || locked) return null;
      wrong = codeIncorrect;
      return proveCode();
    };
    const { security_settings } = settingsOf(account);
    const { proved, locked_until } = await this.passwords.inTurn(() => this.locks.attempt(account.email, security_settings, prove));
    if (proved) return;
    throw locked_until ? accountLocked(locked_until) : wrong();
  }

  /** The time step a code of the app belongs to; null: it is not one of now. */
  private stepOf({ organization_id, id }: Pick<Account, 'organization_id' | 'id'>, sealed: string, code: string): number | null {
    const timestamp = Date.now();
    const token = code.replace(/\s/g, '');
    // The library compares bytes, of which other digits than these have more: it throws.
    if (!/^[0-9]{6}$/.test(token)) return null;
    const delta = totpOf(Secret.fromBase32(this.encryption.decrypt(sealed, [organization_id, id]))).validate({
      token,
      window: WINDOW,
      timestamp,
    });
    return delta === null ? null : Math.floor(timestamp / 1000 / STEP_SECONDS) + delta;
  }

  private say(tx: Tx, actor: Actor, action: string, { id }: Pick<Account, 'id'>, told: Pick<Act, 'before' | 'after'>): void {
    tx.audit(actor, action, { resource_type: 'user', resource: { id }, ...told });
  }
}

/** What the audit log tells of its being switched on, and off. */
const ON = { before: { two_factor_enabled: false }, after: { two_factor_enabled: true } };
export const OFF = { before: ON.after, after: ON.before };

const totpOf = (secret: Secret, label = ''): TOTP => new TOTP({ secret, issuer: ISSUER, label, period: STEP_SECONDS });

/** Crockford's letters: none is mistaken for another. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

function newRecoveryCode(): string {
  const bits = [...randomBytes(RECOVERY_BYTES)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => LETTERS[parseInt(five, 2)]).join('');
  return (letters.match(/.{4}/g) ?? []).join('-');
}

/** However it is typed: dashes, blanks and case aside. */
const hashOfRecoveryCode = (code: string): string => hashOf(code.toLowerCase().replace(/[^0-9a-z]/g, ''));

const alreadyEnabled = (): Conflict => new Conflict('two_factor_enabled', 'The second factor is on already. Switch it off first.');

const notEnabled = (): Conflict => new Conflict('two_factor_not_enabled', 'The second factor is off.');

const passwordIncorrect = (): BadRequest => new BadRequest('current_password_incorrect', 'The password is wrong.');
const codeIncorrect = (): BadRequest =>
  new BadRequest('two_factor_code_incorrect', 'The code is wrong, or was used. Wait for the next one the app shows.');
