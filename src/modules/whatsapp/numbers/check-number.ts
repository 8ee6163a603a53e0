import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { matchKey, normalizePhone } from '#common/phone';
import { Database } from '#database/database';
import { violatedIndex } from '#database/database-errors';
import { GraphClient, GraphError, type GraphTarget, type NumberFields } from '../meta/graph-client';
import { GraphTargets } from './graph-targets';
import { type Holder, NumberDirectory } from './number-directory';
import './numbers.events';
import type { ConnectionTestResult } from './whatsapp-number.dto';
import { tellStatus } from './tell-number';
import { ConnectionStatus, ConnectionType, WhatsAppNumber } from './whatsapp-number.entity';

/** What asking the provider came to. */
type Outcome =
  // `proved`: these ids of Meta's are reached by the organization's own token; null: they were lately, and nobody asked again.
  | { status: ConnectionStatus.connected; fields: NumberFields; proved: ProvedIds | null }
  // `refused`: the provider knows us and says no; else it was not to be reached, which says nothing of the number.
  // `disproved`: the ids are not the organization's, or not of each other; `doubted`: its token reaches them no more, perhaps only expired.
  | { status: ConnectionStatus.error; reason: string; refused: boolean; disproved?: boolean; doubted?: boolean };

type ProvedIds = Pick<WhatsAppNumber, 'phone_number_id' | 'whatsapp_business_account_id'>;

/** How long a proof of the account is good: asking for it lists all its numbers, and Meta counts the calls. */
const PROOF_MS = 24 * 3600_000;

/**
 * How long a proof outlives the token that gave it: an expired one drops no message meanwhile. Afterwards Meta's webhooks are refused, which it
 * repeats for up to seven days, so that a token that comes within those loses nothing either.
 */
const GRACE_MS = 24 * 3600_000;

/**
 * Asks the provider how a number is. Whose Meta's ids are follows from it: whoever proves them first holds them while the token that did reaches
 * them. Another organization that proves them has the holder asked at once, and gets them if the holder is refused; where nobody else comes, the
 * proof ends with the grace.
 */
@Injectable()
export class CheckNumber {
  constructor(
    private readonly database: Database,
    private readonly targets: GraphTargets,
    private readonly graph: GraphClient,
    private readonly directory: NumberDirectory,
  ) {}

  /** Never throws for what the provider says: that is the answer. @throws {NotFound} */
  async test(actor: Actor, id: string): Promise<ConnectionTestResult> {
    const asked = await this.database.repository(WhatsAppNumber).get(actor, id);
    const { outcome, number } = await this.settle(actor, id, await this.ask(actor, asked));
    return {
      status: outcome.status,
      success: outcome.status === ConnectionStatus.connected,
      message: outcome.status === ConnectionStatus.connected ? 'The number is connected.' : outcome.reason,
      connection_type: number.connection_type,
      phone_number: number.phone_number,
      display_name: number.display_name,
      quality_rating: number.quality_rating,
      messaging_limit_tier: number.messaging_limit_tier,
      tested_at: number.last_checked_at ?? new Date(),
    };
  }

  /** The first connection: test, then have Meta send this account's webhooks. Trouble is kept in last_error. */
  async connect(actor: Actor, id: string): Promise<void> {
    const { success } = await this.test(actor, id);
    const number = await this.database.repository(WhatsAppNumber).find(actor, id);
    const target = await this.targets.find(actor, id);
    const waba_id = number?.whatsapp_business_account_id;
    if (!success || !target || !waba_id) return;
    await this.orNote(actor, id, 'Webhooks of the account could not be subscribed', () => this.graph.subscribeApp(target, waba_id));
  }

  /** Shows at WhatsApp what is kept here of the business. */
  async pushProfile(actor: Actor, id: string): Promise<void> {
    const number = await this.database.repository(WhatsAppNumber).find(actor, id);
    const target = await this.targets.find(actor, id);
    if (!number?.business_profile || !target) return;
    // The picture is told by Meta, and set another way.
    const { profile_picture_url: _, ...profile } = number.business_profile;
    const told = Object.fromEntries(Object.entries(profile).filter(([, value]) => value !== null));
    await this.orNote(actor, id, 'The business profile could not be updated', () => this.graph.updateBusinessProfile(target, told));
  }

  private async ask(actor: Actor, number: WhatsAppNumber): Promise<Outcome> {
    if (number.connection_type === ConnectionType.qrcode) return refusal('The number has not been connected by QR code.');
    try {
      if (!number.phone_number_id) {
        const missing = await this.lookUp(actor, number);
        if (missing) return refusal(missing);
        number = await this.database.repository(WhatsAppNumber).get(actor, number.id);
      }
      const target = await this.targets.find(actor, number.id);
      if (!target) return refusal('The number has no access_token.');
      const fields = await this.graph.getNumber(target);
      const { whatsapp_business_account_id, proved_at } = number;
      if (proved_at && Date.now() - proved_at.getTime() < PROOF_MS) return { status: ConnectionStatus.connected, fields, proved: null };
      if (whatsapp_business_account_id && !(await this.isOf(target, whatsapp_business_account_id)))
        return { ...refusal(`The access_token finds no such number in account ${whatsapp_business_account_id}.`), disproved: true };
      const proved = { phone_number_id: target.phone_number_id, whatsapp_business_account_id };
      return { status: ConnectionStatus.connected, fields, proved };
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      return { status: ConnectionStatus.error, reason: error.message, refused: isRefused(error), doubted: isStranger(error) };
    }
  }

  /** Whether the number stands in the account, by the token of who claims both. */
  private async isOf(target: GraphTarget, waba_id: string): Promise<boolean> {
    try {
      return (await this.graph.phoneNumbers(target, waba_id)).some(({ id }) => id === target.phone_number_id);
    } catch (error) {
      if (error instanceof GraphError && isRefused(error)) return false;
      throw error;
    }
  }

  /** Finds Meta's ids of the number by its token and its digits; answers why it could not. */
  private async lookUp(actor: Actor, { id, phone_number, whatsapp_business_account_id }: WhatsAppNumber): Promise<string | null> {
    const account = await this.targets.findAccount(actor, id);
    if (!account) return 'The number has no access_token.';
    const wabas = whatsapp_business_account_id ? [whatsapp_business_account_id] : (await this.graph.debugToken(account)).waba_ids;
    for (const waba_id of wabas) {
      const found = (await this.graph.phoneNumbers(account, waba_id)).find(({ display_phone_number }) => {
        const phone = display_phone_number && normalizePhone(display_phone_number);
        return phone && matchKey(phone) === matchKey(phone_number);
      });
      if (!found) continue;
      try {
        await this.database
          .repository(WhatsAppNumber)
          .patch(actor, id, { phone_number_id: found.id, whatsapp_business_account_id: waba_id });
      } catch (error) {
        if (isTaken(error)) return IN_USE;
        throw error;
      }
      this.directory.forget();
      return null;
    }
    return `The access_token reaches no account with the number ${phone_number}. Set phone_number_id.`;
  }

  /** Keeps what the provider said; where its ids stay another number's, that. `loser`: whose proof ends with it. */
  private async settle(actor: Actor, id: string, said: Outcome, loser?: Holder): Promise<{ outcome: Outcome; number: WhatsAppNumber }> {
    try {
      return { outcome: said, number: await this.keep(actor, id, said, loser) };
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    const refused = loser ? null : await this.refusedHolder(said);
    return refused ? this.settle(actor, id, said, refused) : this.settle(actor, id, refusal(IN_USE));
  }

  /** Who holds the ids that are proved here, when its own token is refused them now. */
  private async refusedHolder(said: Outcome): Promise<Holder | null> {
    const phone_number_id = said.status === ConnectionStatus.connected && said.proved?.phone_number_id;
    const holder = phone_number_id ? await this.directory.holderOf(phone_number_id) : null;
    if (!holder) return null;
    const actor = Actor.system(holder.organization_id);
    const number = await this.database.repository(WhatsAppNumber).find(actor, holder.id);
    if (!number) return null;
    const outcome = await this.ask(actor, number);
    await this.keep(actor, holder.id, outcome);
    return outcome.status === ConnectionStatus.error && (outcome.doubted || outcome.disproved) ? holder : null;
  }

  private async keep(actor: Actor, id: string, outcome: Outcome, loser?: Holder): Promise<WhatsAppNumber> {
    const now = new Date();
    const { organization_id } = actor;
    return this.database.tx(async (tx) => {
      const numbers = this.database.repository(WhatsAppNumber, tx);
      const before = await numbers.lock(actor, id);
      if (loser) await this.directory.release(tx, loser);
      const number = await numbers.patch(actor, id, { last_checked_at: now, ...changes(before, outcome, now) });
      if (number.proved_at?.getTime() !== before.proved_at?.getTime()) tx.afterCommit(() => this.directory.forget());
      tellStatus(tx, number, before.connection_status);
      if (number.quality_rating !== before.quality_rating)
        tx.tell('whatsapp_number.quality_updated', { organization_id, number, previous_quality_rating: before.quality_rating });
      return number;
    });
  }

  private async orNote(actor: Actor, id: string, what: string, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      await this.database.repository(WhatsAppNumber).patch(actor, id, { last_error: `${what}: ${error.message}`.slice(0, 500) });
    }
  }
}

const refusal = (reason: string): Extract<Outcome, { refused: boolean }> => ({ status: ConnectionStatus.error, reason, refused: true });

const IN_USE = 'Its phone_number_id is in use by another number.';

const isTaken = (error: unknown): boolean => violatedIndex(error) !== null;

/** The provider knows us and says no. */
const isRefused = ({ decision }: GraphError): boolean => decision.class !== 'retry' && decision.class !== 'unknown';

/** The token is none, may not, or finds no such object. Meta, Graph API: "Handling errors"; 100 alone may be a field that is gone. */
const isStranger = ({ decision: { provider_code: code }, subcode }: GraphError): boolean =>
  code !== null && (code === 10 || code === 190 || (code >= 200 && code <= 299) || (code === 100 && subcode === 33));

/** Whether refusals have lasted: this is not the first, and the last success is long ago. */
const isOver = ({ connection_status, last_seen_at, proved_at }: WhatsAppNumber, now: Date): boolean =>
  connection_status === ConnectionStatus.error && now.getTime() - (last_seen_at ?? proved_at ?? now).getTime() > GRACE_MS;

/** What an outcome changes in the row. */
function changes(before: WhatsAppNumber, outcome: Outcome, now: Date): Partial<WhatsAppNumber> {
  if (outcome.status === ConnectionStatus.error) {
    const last_error = outcome.reason.slice(0, 500);
    if (!outcome.refused) return { last_error };
    const lost = outcome.disproved || (outcome.doubted && isOver(before, now));
    return { last_error, connection_status: ConnectionStatus.error, connected_at: null, ...(lost && { proved_at: null }) };
  }
  const { quality_rating, messaging_limit, verified_name } = outcome.fields;
  const { proved } = outcome;
  // Changed while Meta was asked: what it said is about others.
  const stands =
    proved?.phone_number_id === before.phone_number_id && proved.whatsapp_business_account_id === before.whatsapp_business_account_id;
  return {
    ...(stands && { proved_at: now }),
    connection_status: ConnectionStatus.connected,
    connected_at: before.connection_status === ConnectionStatus.connected ? before.connected_at : now,
    verified: true,
    verified_at: before.verified_at ?? now,
    last_seen_at: now,
    last_error: null,
    display_name: before.display_name ?? verified_name,
    quality_rating: quality_rating?.slice(0, 20) ?? before.quality_rating,
    messaging_limit_tier: messaging_limit?.slice(0, 30) ?? before.messaging_limit_tier,
  };
}
