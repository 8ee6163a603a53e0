import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { BadRequest, Forbidden, Unavailable } from '#common/errors';
import { Late, within } from '#common/time';
import { Config } from '#config/config';
import { isSimulatorAccount, isSimulatorNumber, simulatorAppSecret } from '#modules/simulator/simulator-number';
import { parseJsonKeepingBigIds, peekNumbers } from '../meta/parse-webhook';
import { type KnownNumber, NumberDirectory } from '../numbers/number-directory';
import { InboundStore, type NewInboundEvent } from './inbound-store';

/** R11: a database that hangs is as good as gone, also for the question whose number this is. */
const DIRECTORY_MS = 1500;

/** Told after new rows are durable. */
export type InboundListener = () => void;

/** Meta's door: verify over the raw bytes, keep, acknowledge. What the payload means is the filing's work. */
@Injectable()
export class Receipt {
  private readonly logger = new Logger(Receipt.name);
  private readonly listeners: InboundListener[] = [];

  constructor(
    private readonly config: Config,
    private readonly numbers: NumberDirectory,
    private readonly store: InboundStore,
  ) {}

  onKept(listener: InboundListener): void {
    this.listeners.push(listener);
  }

  /**
   * Resolved means stored. Numbers whose own secret did not verify are left out, numbers nobody here owns are kept as ignored.
   * @throws {Forbidden} The signature is missing, wrong, or nothing is configured to check it with.
   * @throws {BadRequest} Signed by us, but not JSON.
   */
  async receive(raw: Buffer, signature: string | undefined): Promise<void> {
    const given = digestOf(signature);
    if (!given) throw refused();
    const known = new Map<string, boolean>();
    const signedWith = (secret: string | null): boolean => {
      if (!secret) return false;
      let verdict = known.get(secret);
      if (verdict === undefined) known.set(secret, (verdict = timingSafeEqual(createHmac('sha256', secret).update(raw).digest(), given)));
      return verdict;
    };

    let payload: unknown;
    try {
      payload = parseJsonKeepingBigIds(raw);
    } catch {
      if (signedWith(this.config.meta_app_secret)) throw new BadRequest('invalid_json', 'The body is not valid JSON.');
      throw refused();
    }
    const { phone_number_ids, waba_ids_without_number } = peekNumbers(payload);
    const referenced = await within(DIRECTORY_MS, () => this.referenced(phone_number_ids, waba_ids_without_number)).catch(
      (error: unknown) => {
        throw error instanceof Late ? new Unavailable() : error;
      },
    );
    const verified = referenced.filter((number) => signedWith(number.app_secret));
    const rows: NewInboundEvent[] = verified.map((number) => ({
      organization_id: number.organization_id,
      whatsapp_number_id: number.id,
      lane: number.lane,
      state: 'received',
      reason: null,
      body: raw,
    }));
    if (!rows.length) {
      // The secret to check it with went with the number, and Meta repeats for days what is refused: taken, and dropped unread.
      if (!referenced.length && (await this.numbers.wereDeleted(phone_number_ids, waba_ids_without_number))) return;
      const simulated = [...phone_number_ids.map(isSimulatorNumber), ...waba_ids_without_number.map(isSimulatorAccount)];
      const ofSimulator = this.config.simulator_enabled && simulated.length > 0 && !simulated.includes(false);
      if (!signedWith(ofSimulator ? simulatorAppSecret(this.config) : this.config.meta_app_secret) || referenced.length) throw refused();
      const reason = isWhatsApp(payload) ? 'unknown_number' : 'other_object';
      this.logger.warn({ msg: 'webhook ignored', reason, phone_number_ids, waba_ids: waba_ids_without_number });
      rows.push({ organization_id: null, whatsapp_number_id: null, lane: 0, state: 'ignored', reason, body: raw });
    }
    await this.store.keep(rows);
    if (verified.length) for (const listener of this.listeners) listener();
  }

  /** GET: whether Meta may send here. */
  async knowsVerifyToken(token: string): Promise<boolean> {
    const ours = this.config.meta_webhook_verify_token;
    if (ours && isSame(ours, token)) return true;
    // PostgreSQL refuses U+0000 in text.
    return token.length <= 128 && !token.includes('\0') && (await this.numbers.knowsVerifyToken(token));
  }

  /** The numbers a payload names, and for changes that name only an account the oldest number of each organization that has it. */
  private async referenced(phone_number_ids: string[], waba_ids: string[]): Promise<KnownNumber[]> {
    const numbers = new Map<string, KnownNumber>();
    if (phone_number_ids.length)
      for (const number of (await this.numbers.byPhoneNumberIds(phone_number_ids)).values()) numbers.set(number.id, number);
    if (waba_ids.length)
      for (const ofWaba of (await this.numbers.byWabaIds(waba_ids)).values()) {
        const organizations = new Set<string>();
        for (const number of ofWaba) {
          if (organizations.has(number.organization_id)) continue;
          organizations.add(number.organization_id);
          numbers.set(number.id, number);
        }
      }
    return [...numbers.values()];
  }
}

const isWhatsApp = (payload: unknown): boolean => (payload as { object?: unknown } | null)?.object === 'whatsapp_business_account';

const refused = (): Forbidden => new Forbidden('invalid_signature', 'The signature of this webhook is missing or does not match.');

/** In constant time, whatever the length. */
const isSame = (ours: string, given: string): boolean => {
  const [a, b] = [ours, given].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(a, b);
};

/** `sha256=<64 hex>` → 32 bytes. */
function digestOf(header: string | undefined): Buffer | null {
  if (!header || !/^sha256=[0-9a-f]{64}$/i.test(header)) return null;
  return Buffer.from(header.slice(7), 'hex');
}
