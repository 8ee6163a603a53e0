import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Actor } from '#common/actor';
import { Unavailable } from '#common/errors';
import { newId } from '#common/uuid';
import { Config } from '#config/config';
import { Database, type Tx } from '#database/database';
import { isUndone, knownError } from '#database/database-errors';
import { type DueRow, DueRows, type Wake } from '#database/due-rows';
import { Gathered } from '#database/gathered';
import { PlannedConnections } from '#database/planned-connections';
import type { Sql } from '#database/sql';
import { learnWaId } from '#modules/contacts/contact-identities';
import { ContactNews } from '#modules/contacts/contact-news';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { NumberLimits } from '#modules/whatsapp/limits/number-limits';
import { PortfolioLimit } from '#modules/whatsapp/limits/portfolio-limit';
import { pauseNumber, tellLimitReached } from '#modules/whatsapp/numbers/number-news';
import { CAPABILITIES, type Delivery, type SendAnswer } from '#modules/whatsapp/provider';
import { type FailureDecision, ProviderFailure, final, retryDelaySeconds } from '#modules/whatsapp/provider-failure';
import { Providers } from '#modules/whatsapp/providers';
import { countTemplates } from '#modules/whatsapp/templates/count-templates';
import { Metrics } from '#observability/metrics';
import { applyFailureEffect } from './failure-effects';
import { PROVIDER_TIMEOUT } from './message-progress';
import { type Message, MessageStatus, MessageType } from './message.entity';
import { ACCEPTED, type Accepted, CLAIM, type Claim, LOOK, LOOK_MAX, OVERDUE, type Sent } from './outbound-statements';
import { takeBackReaction } from './reactions';
import { SendLine, type Waiting } from './send-line';
import { tellStatus, tellUnsent } from './tell-status';

/** A claim older than this is of a worker that died between the call and our commit. The call itself ends after 30 s. */
const CLAIM_SECONDS = 90;
/** A file is uploaded, or fetched from its address, before it is sent: in two minutes at most. */
const UPLOAD_SECONDS = 150;

/** An organization that is stopped is looked at again by the sweep once it is at work. */
const STOPPED_MS = 60_000;

/**
 * Messages leave, each once: by each number as fast as its limits let them, the better lane first; of each conversation one at a time, in the order of
 * creation. What must wait is not claimed. The claim is committed before the provider is called; a claim nobody finished means the call may have been
 * made, so that message is failed as unknown (provider_timeout) and never sent again by itself; a webhook that carries our id settles what really
 * happened.
 */
@Injectable()
export class DeliverMessage implements OnApplicationShutdown {
  private readonly logger = new Logger(DeliverMessage.name);
  private readonly claims = new Gathered((organization_id, conversations: string[]) => this.claimAll(organization_id, conversations));
  private readonly answers = new Gathered((organization_id, accepted: Accepted[]) => this.keepAll(organization_id, accepted));
  /** By number; those of which something must be remembered. */
  private readonly lines = new Map<string, SendLine>();
  private readonly wakeLine: Wake;
  private readonly connections: PlannedConnections;

  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly limits: NumberLimits,
    private readonly portfolio: PortfolioLimit,
    private readonly media: MediaService,
    private readonly contacts: ContactNews,
    private readonly metrics: Metrics,
    rows: DueRows,
    config: Config,
  ) {
    // One for the next claims, one for the answers to the ones before.
    this.connections = new PlannedConnections(config, 'pytake-outbound', 2);
    this.wakeLine = rows.add({
      name: 'whatsapp-outbound',
      // They wait on Meta.
      concurrency: 20,
      runs_per_row: 20,
      timeout_seconds: CLAIM_SECONDS + UPLOAD_SECONDS,
      sweep_seconds: 5,
      told: (row, word) => this.line(row).add(fromWord(word)),
      work: (row) => this.sendNext(row),
      overdue: async (limit) => {
        await this.giveUp(limit);
        return this.overdue(limit);
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connections.end();
  }

  /** A message waits for the number of `row`. */
  wake(row: DueRow, waiting: Waiting): void {
    this.wakeLine(row, toWord(waiting));
  }

  /** Sends the next message of a number's line, if one may leave now. Answers in how many milliseconds to do so again. */
  async sendNext(row: DueRow): Promise<number | null> {
    // Whose people write at this moment wait for an answer; what is written already does not go back.
    await this.database.rush.giveWay(row.organization_id);
    const line = this.line(row);
    if (line.wait_ms === 0) {
      if (line.must_look) await this.look(row, line);
      const next = line.take();
      if (next) {
        // As many as may send at once are soon there.
        if (line.wait_ms === 0) this.wakeLine(row);
        let behind: Waiting | null = null;
        try {
          behind = await this.send(row, line, next);
        } finally {
          line.done(next, behind);
        }
      }
    }
    if (line.is_idle && this.lines.get(row.id) === line) this.lines.delete(row.id);
    return line.wait_ms;
  }

  /** Numbers with something due and nobody at it: lost wake-ups, waits that ended, workers that died. */
  async overdue(limit: number): Promise<DueRow[]> {
    const rows = await this.database.rows<DueRow>(OVERDUE, [limit]);
    for (const row of rows) this.line(row).open();
    return rows;
  }

  /** Workers died between the call and their commit. */
  async giveUp(limit: number): Promise<void> {
    const left = await this.database.rows<{ organization_id: string; id: string }>(
      `SELECT organization_id, message_id AS id FROM outbound_sends WHERE claimed_at < now() - make_interval(secs => $2) LIMIT $1`,
      [limit, CLAIM_SECONDS],
    );
    for (const { organization_id, id } of left)
      await this.database.tx(async (tx) => {
        // The message first, as the receipt of statuses does.
        const [message] = await tx.rows<{ uploads: boolean } | undefined>(
          `SELECT media IS NOT NULL OR payload ? 'link' AS uploads FROM messages WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE`,
          [organization_id, id],
        );
        const [stale] = await tx.rows(
          'SELECT 1 FROM outbound_sends WHERE organization_id = $1 AND message_id = $2 AND claimed_at < now() - make_interval(secs => $3) FOR UPDATE',
          [organization_id, id, CLAIM_SECONDS + (message?.uploads ? UPLOAD_SECONDS : 0)],
        );
        if (stale) await this.settle(tx, organization_id, id, unknown('The process stopped while the provider was answering.'), null);
      });
  }

  private line({ id }: DueRow): SendLine {
    let line = this.lines.get(id);
    if (!line) this.lines.set(id, (line = new SendLine()));
    return line;
  }

  private look({ organization_id, id }: DueRow, line: SendLine): Promise<void> {
    return line.look((but) => this.database.rows<Waiting>(LOOK, [organization_id, id, but]), LOOK_MAX);
  }

  /** Sends a conversation's oldest message, where the number's limits let it; answers what may wait behind it. */
  private async send(row: DueRow, line: SendLine, next: Waiting): Promise<Waiting | null> {
    const limit_ms = await this.limits.take(row, next.lane);
    if (limit_ms > 0) {
      line.close(limit_ms);
      return null;
    }
    const { organization_id } = row;
    const { conversation_id } = next;
    const pace_ms = await this.limits.pace(row, next);
    if (pace_ms > 0) {
      await this.limits.giveBack(row);
      line.wait(conversation_id, pace_ms);
      return null;
    }
    const claim = await this.claims.ask(organization_id, conversation_id);
    if (claim) this.limits.learn(row, claim);
    if (claim?.is_ours) {
      if (await persist(() => this.admitted(claim))) return this.deliver(claim, line, next);
      await this.limits.giveBack(row, next);
      return null;
    }

    await this.limits.giveBack(row, next);
    // Nothing any more.
    if (!claim) return null;
    if (claim.status !== MessageStatus.pending && !claim.claimed_at) {
      await forget(this.database, organization_id, claim.id);
      return next;
    }
    if (claim.is_stopped) line.close(STOPPED_MS);
    else if (claim.pause_ms !== null && claim.pause_ms > 0) line.close(claim.pause_ms);
    else if (claim.wait_ms > 0) line.wait(conversation_id, claim.wait_ms);
    else line.leave(conversation_id);
    return null;
  }

  /** Each conversation's oldest message, committed as ours before anybody is called when it may leave now. */
  private async claimAll(organization_id: string, conversations: string[]): Promise<(Claim | undefined)[]> {
    const claims = await this.connections.rows<Claim>(CLAIM, [organization_id, conversations]);
    const found = new Map(claims.map((claim) => [claim.conversation_id, claim]));
    return conversations.map((id) => {
      const claim = found.get(id);
      // Of two who ask for the same conversation the first has it.
      if (claim?.is_ours) found.set(id, { ...claim, is_ours: false, claimed_at: new Date() });
      return claim;
    });
  }

  /** Whether the account may write to the contact now; else the message waits for it. */
  private async admitted(claim: Claim): Promise<boolean> {
    if (claim.message_type !== MessageType.template || claim.is_window_open || !CAPABILITIES[claim.connection_type].has_portfolio)
      return true;
    const { organization_id, contact_id } = claim;
    const number = { ...claim, whatsapp_number_id: claim.whatsapp_number_id ?? '' };
    const wait_ms = await this.portfolio.admit(number, contact_id);
    if (wait_ms === 0) return true;
    await this.database.tx(async (tx) => {
      await tx.rows(
        `UPDATE outbound_sends SET claimed_at = NULL, attempts = attempts - 1, due_at = now() + make_interval(secs => $3)
          WHERE organization_id = $1 AND message_id = $2`,
        [organization_id, claim.id, wait_ms / 1000],
      );
      if (await this.portfolio.fill(tx, number)) await tellLimitReached(tx, organization_id, number.whatsapp_number_id);
    });
    return false;
  }

  /** Answers what may wait behind it. */
  private async deliver(claim: Claim, line: SendLine, next: Waiting): Promise<Waiting | null> {
    const { organization_id, id, attempts } = claim;
    let answer: SendAnswer | null = null;
    let failure: FailureDecision | null = null;
    try {
      answer = await this.call(claim);
    } catch (error) {
      if (error instanceof ProviderFailure) failure = error.decision;
      // Nothing has been sent yet when our own preparation fails: it may be tried again.
      else failure = { ...final('preparation_failed', (error as Error).message), class: 'retry', attempts: 5 };
    }
    if (answer) return this.accepted(claim, answer);
    if (failure) {
      const delay = retryDelaySeconds(failure, attempts);
      this.logger.warn({ msg: 'send failed', message_id: id, attempt: attempts, error_code: failure.error_code, retry_in_seconds: delay });
      await persist(() =>
        this.database.tx(async (tx) => {
          await this.settle(tx, organization_id, id, failure, delay);
          // Meta's word to the whole number: the others wait with it instead of failing one by one.
          if (delay !== null && failure.scope === 'number') await pauseNumber(tx, organization_id, claim.whatsapp_number_id, delay);
        }),
      );
      if (delay !== null) line.wait(claim.conversation_id, delay * 1000);
    }
    return next;
  }

  private async call(claim: Claim): Promise<SendAnswer> {
    const actor = Actor.system(claim.organization_id);
    const number_id = claim.whatsapp_number_id ?? '';
    const line = await this.providers.line(actor, number_id);
    const send = (media: Delivery['media']): Promise<SendAnswer> =>
      line.send(claim, { ...claim, media, target_provider_id: claim.reply_to_provider_id });
    return claim.media ? this.media.toSend(actor, number_id, claim.media.id, send) : send(null);
  }

  /** Meta has it. Answers what waits behind it in the conversation; what is written after this look wakes us anew. */
  private async accepted(claim: Claim, { provider_id, wa_id }: SendAnswer): Promise<Waiting | null> {
    const sent = await persist(() => this.answers.ask(claim.organization_id, { claim, provider_id }));
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'sent' });
    if (wa_id && wa_id !== claim.wa_id) await this.learnSpelling(claim, wa_id);
    if (!sent?.next_id || sent.next_lane === null) return null;
    return { conversation_id: claim.conversation_id, message_id: sent.next_id, lane: sent.next_lane };
  }

  private async learnSpelling({ organization_id, contact_id, id }: Claim, wa_id: string): Promise<void> {
    try {
      await learnWaId(this.database, organization_id, contact_id, wa_id);
    } catch (error) {
      // The message has left, and the next answer says it again.
      this.logger.warn({ msg: 'a spelling was not learned', message_id: id, err: error });
    }
  }

  private async keepAll(organization_id: string, accepted: Accepted[]): Promise<(Sent | undefined)[]> {
    return this.database.txOn(this.connections, async (tx) => {
      const rows = await tx.rows<Sent>(ACCEPTED, [
        organization_id,
        accepted.map(({ claim }) => claim.conversation_id),
        accepted.map(({ claim }) => claim.id),
        accepted.map(({ provider_id }) => provider_id),
        accepted.map(() => newId()),
      ]);
      const found = new Map(rows.map((row) => [row.id, row]));
      const sent = rows.filter(({ was }) => was === MessageStatus.pending);
      for (const { claim } of accepted)
        if (found.get(claim.id)?.was === MessageStatus.pending) tellStatus(tx, claim, MessageStatus.sent, null);
      await countTemplates(
        tx,
        sent.map(({ template_id }) => ({ organization_id, template_id, before: WAITING, after: { ...WAITING, sent_at: new Date() } })),
      );
      return accepted.map(({ claim }) => found.get(claim.id));
    });
  }

  /** Later again, or failed for good with what that means beyond the message. */
  private async settle(
    tx: Tx,
    organization_id: string,
    message_id: string,
    failure: FailureDecision,
    delay_seconds: number | null,
  ): Promise<void> {
    if (delay_seconds !== null) {
      await tx.rows(
        `UPDATE outbound_sends SET claimed_at = NULL, due_at = now() + make_interval(secs => $3)
          WHERE organization_id = $1 AND message_id = $2`,
        [organization_id, message_id, delay_seconds],
      );
      return;
    }
    const [message] = await tx.rows<Message | undefined>(
      `UPDATE messages SET status = 'failed', failed_at = now(), error_code = $3, error_message = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING *`,
      [organization_id, message_id, failure.error_code, failure.error_message.slice(0, 2000)],
    );
    await forget(tx, organization_id, message_id);
    // A webhook came first: it knows better.
    if (!message) return;
    if (message.message_type === MessageType.reaction) await takeBackReaction(tx, message);
    if (failure.effect) await applyFailureEffect(tx, this.contacts, message, failure.effect);
    await countTemplates(tx, [{ ...message, before: { ...message, status: MessageStatus.pending }, after: message }]);
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'failed' });
    await tellUnsent(tx, message);
  }
}

/** Before anything became of a message. */
const WAITING = { status: MessageStatus.pending, sent_at: null, delivered_at: null, read_at: null };

const toWord = ({ lane, conversation_id, message_id }: Waiting): string => [lane, conversation_id, message_id].join(':');

function fromWord(word: string): Waiting {
  const [lane, conversation_id, message_id] = word.split(':');
  return { lane: Number(lane), conversation_id, message_id };
}

/** It needs no sending any more. */
const forget = (sql: Sql, organization_id: string, message_id: string): Promise<unknown> =>
  sql.rows('DELETE FROM outbound_sends WHERE organization_id = $1 AND message_id = $2', [organization_id, message_id]);

/** What the provider said, or a claim before it was asked, is worth waiting for the database: until the claim grows stale nobody else touches the message. */
async function persist<R>(write: () => Promise<R>): Promise<R> {
  for (const until = Date.now() + (CLAIM_SECONDS / 2) * 1000; ;) {
    try {
      return await write();
    } catch (error) {
      // Away, or busy.
      if (!(knownError(error) instanceof Unavailable) || Date.now() > until) throw error;
      await sleep(isUndone(error) ? 0 : 1000);
    }
  }
}

const unknown = (error_message: string): FailureDecision => ({ ...final(PROVIDER_TIMEOUT, error_message), class: 'unknown' });
