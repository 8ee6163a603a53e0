import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { BodyReader } from '#api/body-reader';
import { BadRequest, Forbidden, Unavailable } from '#common/errors';
import { isFitText } from '#common/fit';
import { isSameSecret } from '#common/same-secret';
import { Late, within } from '#common/time';
import { Config } from '#config/config';
import { isSimulatorAccount, isSimulatorNumber, simulatorAppSecret } from '#modules/simulator/simulator-number';
import { type KnownNumber, NumberDirectory } from '../numbers/number-directory';
import { InboundStore, type NewInboundEvent } from '../receipt/inbound-store';
import { parseJsonKeepingBigIds } from './parse-webhook';
import { peekNumbers, peekPerson } from './peek-webhook';

/** Meta: "up to 3 MB". */
const MAX_BYTES = 3 * 1024 * 1024;
/** R11: a database that hangs is as good as gone, also for the question whose number this is. */
const DIRECTORY_MS = 1500;
/** Numbers and accounts a body may name that the platform did not sign. An app of a tenant's own serves a few; a stranger's costs a query. */
const MAX_NAMED = 100;

/** What a webhook's signature was tried with; each secret once. */
type SignedWith = (secret: string | null) => boolean;

/** Meta's door: verify over the raw bytes, keep, acknowledge. What the payload means is the filing's work. */
@Injectable()
export class Receipt {
  private readonly logger = new Logger(Receipt.name);
  private readonly bodies = new BodyReader();

  constructor(
    private readonly config: Config,
    private readonly numbers: NumberDirectory,
    private readonly store: InboundStore,
  ) {}

  /**
   * Resolved means stored. A signature that cannot be one is refused before the body is read. Numbers whose secret did not verify are left out,
   * numbers nobody here owns are kept as ignored.
   * @throws {Forbidden} The signature is missing, wrong, or nothing is configured to check it with.
   * @throws {BadRequest} Signed by us, but not JSON.
   */
  async receive(request: IncomingMessage): Promise<void> {
    const given = digestOf(request.headers['x-hub-signature-256']);
    if (!given) throw refused();
    await this.bodies.read(request, MAX_BYTES, (raw) => this.take(raw, given));
  }

  /** GET: whether Meta may send here. */
  async knowsVerifyToken(token: string): Promise<boolean> {
    const ours = this.config.meta_webhook_verify_token;
    if (ours && isSameSecret(ours, token)) return true;
    return token.length <= 128 && isFitText(token) && (await this.numbers.knowsVerifyToken(token));
  }

  private async take(raw: Buffer, given: Buffer): Promise<void> {
    const signedWith = verifier(raw, given);
    // Parsing costs a stranger nothing and us much.
    if (!(await this.isSigned(raw, signedWith))) throw refused();
    let payload: unknown;
    try {
      payload = parseJsonKeepingBigIds(raw);
    } catch {
      throw new BadRequest('invalid_json', 'The body is not valid JSON.');
    }
    const { phone_number_ids, waba_ids_without_number: waba_ids } = peekNumbers(payload);
    const by_platform = signedWith(this.platformSecret(phone_number_ids, waba_ids));
    if (!by_platform && phone_number_ids.length + waba_ids.length > MAX_NAMED) throw refused();
    const [named, ofAccounts] = await this.directory(phone_number_ids, waba_ids, by_platform);
    const person = peekPerson(payload);
    const rows = verified(named, ofAccounts, signedWith).map((number): NewInboundEvent => ({
      organization_id: number.organization_id,
      whatsapp_number_id: number.id,
      person,
      state: 'received',
      reason: null,
      body: raw,
    }));
    if (!rows.length) {
      const unknown = !named.length && !ofAccounts.length;
      // Meta repeats for days what is refused: what is signed for deleted numbers is taken, and dropped unread. Who cannot sign does not learn
      // which numbers were here.
      if (unknown && (await this.numbers.wereDeleted(phone_number_ids, waba_ids, (kept) => by_platform || signedWith(kept)))) return;
      if (!by_platform || !unknown) throw refused();
      const reason = isWhatsApp(payload) ? 'unknown_number' : 'other_object';
      this.logger.warn({
        msg: 'webhook ignored',
        reason,
        phone_number_ids: phone_number_ids.slice(0, MAX_NAMED),
        waba_ids: waba_ids.slice(0, MAX_NAMED),
      });
      rows.push({ organization_id: null, whatsapp_number_id: null, person, state: 'ignored', reason, body: raw });
    }
    await this.store.keep(rows);
  }

  /** Whether a secret we know signed the body: the platform's, the simulator's, or that of a number it seems to name. */
  private async isSigned(raw: Buffer, signedWith: SignedWith): Promise<boolean> {
    if (signedWith(this.config.meta_app_secret)) return true;
    if (this.config.simulator_enabled && signedWith(simulatorAppSecret(this.config))) return true;
    const text = raw.toString('latin1');
    const phone_number_ids = idsIn(text, /"phone_number_id"\s*:\s*"?(\d{1,64})/g);
    const waba_ids = idsIn(text, /"id"\s*:\s*"?(\d{1,64})/g);
    const [named, ofAccounts] = await this.directory(phone_number_ids, waba_ids, false);
    if ([...named, ...ofAccounts].some((number) => signedWith(number.app_secret))) return true;
    return this.numbers.wereDeleted(phone_number_ids, phone_number_ids.length ? [] : waba_ids, signedWith);
  }

  private directory(phone_number_ids: string[], waba_ids: string[], trusted: boolean): Promise<[KnownNumber[], KnownNumber[]]> {
    return within(DIRECTORY_MS, () =>
      Promise.all([this.numbers.byPhoneNumberIds(phone_number_ids, trusted), this.numbers.byWabaIds(waba_ids, trusted)]),
    ).catch((error: unknown) => {
      throw error instanceof Late ? new Unavailable() : error;
    });
  }

  /** Who may speak of numbers nobody here has: Meta, and the simulator of none but its own. */
  private platformSecret(phone_number_ids: readonly string[], waba_ids: readonly string[]): string | null {
    const named = [...phone_number_ids.map(isSimulatorNumber), ...waba_ids.map(isSimulatorAccount)];
    const simulated = this.config.simulator_enabled && named.length > 0 && !named.includes(false);
    return simulated ? simulatorAppSecret(this.config) : this.config.meta_app_secret;
  }
}

/** The numbers whose secret signed the body; of those an account names, the oldest of each organization. */
function verified(named: readonly KnownNumber[], ofAccounts: readonly KnownNumber[], signedWith: SignedWith): KnownNumber[] {
  const numbers = new Map<string, KnownNumber>();
  for (const number of named) if (signedWith(number.app_secret)) numbers.set(number.id, number);
  const heard = new Set<string>();
  for (const number of ofAccounts) {
    const account = `${number.organization_id} ${number.waba_id}`;
    if (heard.has(account) || !signedWith(number.app_secret)) continue;
    heard.add(account);
    numbers.set(number.id, number);
  }
  return [...numbers.values()];
}

/** The first MAX_NAMED: one that signed is enough, and the payload's own structure is read after. */
function idsIn(text: string, pattern: RegExp): string[] {
  const ids = new Set<string>();
  for (const [, id] of text.matchAll(pattern)) if (ids.add(id).size >= MAX_NAMED) break;
  return [...ids];
}

/** Over the raw bytes, in constant time, each secret tried once. */
function verifier(raw: Buffer, given: Buffer): SignedWith {
  const known = new Map<string, boolean>();
  return (secret) => {
    if (!secret) return false;
    let verdict = known.get(secret);
    if (verdict === undefined) known.set(secret, (verdict = timingSafeEqual(createHmac('sha256', secret).update(raw).digest(), given)));
    return verdict;
  };
}

const isWhatsApp = (payload: unknown): boolean => (payload as { object?: unknown } | null)?.object === 'whatsapp_business_account';

const refused = (): Forbidden => new Forbidden('invalid_signature', 'The signature of this webhook is missing or does not match.');

/** `sha256=<64 hex>` → 32 bytes. */
function digestOf(header: string | string[] | undefined): Buffer | null {
  if (typeof header !== 'string' || !/^sha256=[0-9a-f]{64}$/i.test(header)) return null;
  return Buffer.from(header.slice(7), 'hex');
}
