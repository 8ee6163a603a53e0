import { Injectable } from '@nestjs/common';
import { Actor } from '#common/actor';
import { withoutNulls } from '#common/given';
import { Database } from '#database/database';
import { violatedIndex } from '#database/database-errors';
import { type Checked, refusal } from '../provider';
import { ProviderFailure } from '../provider-failure';
import { Providers } from '../providers';
import { PHONE_MISMATCH } from './end-pairing';
import { type Holder, NumberDirectory } from './number-directory';
import type { ConnectionTestResult } from './whatsapp-number.dto';
import { tellStatus } from './tell-number';
import { ConnectionStatus, WhatsAppNumber } from './whatsapp-number.entity';

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
    private readonly providers: Providers,
    private readonly directory: NumberDirectory,
  ) {}

  /** Never throws for what the provider says: that is the answer. @throws {NotFound} */
  async test(actor: Actor, id: string): Promise<ConnectionTestResult> {
    const asked = await this.database.repository(WhatsAppNumber).get(actor, id);
    const { outcome, number } = await this.settle(actor, asked, await this.providers.check(actor, asked));
    const status = outcome.status === ConnectionStatus.connecting ? ConnectionStatus.disconnected : outcome.status;
    return {
      status,
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

  /** The first connection: test, then have the provider send us webhooks. Trouble is kept in last_error. */
  async connect(actor: Actor, id: string): Promise<void> {
    const { success } = await this.test(actor, id);
    const line = success ? await this.providers.findLine(actor, id) : null;
    await this.orNote(actor, id, 'Webhooks of the account could not be subscribed', () => line?.subscribe?.());
  }

  /** Shows at WhatsApp what is kept here of the business. */
  async pushProfile(actor: Actor, id: string): Promise<void> {
    const number = await this.database.repository(WhatsAppNumber).find(actor, id);
    if (!number?.business_profile) return;
    const told = withoutNulls(number.business_profile);
    const line = await this.providers.findLine(actor, id);
    await this.orNote(actor, id, 'The business profile could not be updated', () => line?.showProfile?.(told));
  }

  /** Keeps what the provider said; where its ids stay another number's, that. `loser`: whose proof ends with it. */
  private async settle(
    actor: Actor,
    asked: WhatsAppNumber,
    said: Checked,
    loser?: Holder,
  ): Promise<{ outcome: Checked; number: WhatsAppNumber }> {
    try {
      return { outcome: said, number: await this.keep(actor, asked, said, loser) };
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    const refused = loser ? null : await this.refusedHolder(said);
    return refused ? this.settle(actor, asked, said, refused) : this.settle(actor, asked, refusal(IN_USE));
  }

  /** Who holds the ids that are proved here, when its own token is refused them now. */
  private async refusedHolder(said: Checked): Promise<Holder | null> {
    const phone_number_id = said.status === ConnectionStatus.connected && said.proved?.phone_number_id;
    const holder = phone_number_id ? await this.directory.holderOf(phone_number_id) : null;
    if (!holder || holder.is_left) return holder;
    const actor = Actor.system(holder.organization_id);
    const number = await this.database.repository(WhatsAppNumber).find(actor, holder.id);
    if (!number) return null;
    const outcome = await this.providers.check(actor, number);
    await this.keep(actor, number, outcome);
    return outcome.status === ConnectionStatus.error && (outcome.doubted || outcome.disproved) ? holder : null;
  }

  private async keep(actor: Actor, asked: WhatsAppNumber, outcome: Checked, loser?: Holder): Promise<WhatsAppNumber> {
    const now = new Date();
    const { organization_id } = actor;
    const { id } = asked;
    return this.database.tx(async (tx) => {
      const numbers = this.database.repository(WhatsAppNumber, tx);
      const before = await numbers.lock(actor, id);
      if (loser) await this.directory.release(tx, loser);
      const number = await numbers.patch(actor, id, { last_checked_at: now, ...changes(asked, before, outcome, now) });
      if (number.proved_at?.getTime() !== before.proved_at?.getTime()) tx.afterCommit(() => this.directory.forget());
      // A person's question; the clock's own are no act of anybody.
      if (!actor.isSystem)
        tx.audit(actor, 'whatsapp_number.tested', { resource: { id, name: number.display_name }, before, after: number });
      tellStatus(tx, number, before.connection_status, before.connected_at !== null);
      if (number.quality_rating !== before.quality_rating)
        tx.tell('whatsapp_number.quality_updated', { organization_id, number, previous_quality_rating: before.quality_rating });
      return number;
    });
  }

  private async orNote(actor: Actor, id: string, what: string, call: () => Promise<void> | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ProviderFailure)) throw error;
      await this.database.repository(WhatsAppNumber).patch(actor, id, { last_error: `${what}: ${error.message}`.slice(0, 500) });
    }
  }
}

const IN_USE = 'Its phone_number_id is in use by another number.';

const isTaken = (error: unknown): boolean => violatedIndex(error) !== null;

/** Whether refusals have lasted: this is not the first, and the last success is long ago. */
const isOver = ({ connection_status, last_seen_at, proved_at }: WhatsAppNumber, now: Date): boolean =>
  connection_status === ConnectionStatus.error && now.getTime() - (last_seen_at ?? proved_at ?? now).getTime() > GRACE_MS;

/** What an outcome changes in the row. */
function changes(asked: WhatsAppNumber, before: WhatsAppNumber, outcome: Checked, now: Date): Partial<WhatsAppNumber> {
  if (outcome.status === ConnectionStatus.connecting) return { connection_status: outcome.status };
  if (outcome.status === ConnectionStatus.disconnected) return { connection_status: outcome.status, connected_at: null };
  if (outcome.status === ConnectionStatus.error) {
    const last_error = outcome.reason.slice(0, 500);
    if (!outcome.refused) return { last_error };
    const lost = outcome.disproved || (outcome.doubted && isOver(before, now));
    return { last_error, connection_status: ConnectionStatus.error, connected_at: null, ...(lost && { proved_at: null }) };
  }
  // Connected it is, with another phone.
  if (before.last_error === PHONE_MISMATCH) return {};
  const { quality_rating, messaging_limit, throughput, verified_name } = outcome.fields;
  const { proved } = outcome;
  // Changed while the provider was asked: what it said is about others.
  const stands =
    asked.phone_number_id === before.phone_number_id && asked.whatsapp_business_account_id === before.whatsapp_business_account_id;
  return {
    ...(stands && proved && { ...proved, proved_at: now }),
    connection_status: ConnectionStatus.connected,
    connected_at: before.connection_status === ConnectionStatus.connected ? before.connected_at : now,
    verified: true,
    verified_at: before.verified_at ?? now,
    last_seen_at: now,
    last_error: null,
    display_name: before.display_name ?? verified_name,
    quality_rating: quality_rating?.slice(0, 20) ?? before.quality_rating,
    messaging_limit_tier: messaging_limit?.slice(0, 30) ?? before.messaging_limit_tier,
    throughput: throughput?.slice(0, 20) ?? before.throughput,
  };
}
