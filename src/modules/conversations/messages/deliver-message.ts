import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Actor } from '#common/actor';
import { newId } from '#common/uuid';
import { Database, type Tx } from '#database/database';
import { isDatabaseDown, isUndone } from '#database/database-errors';
import { type DueRow, DueRows } from '#database/due-rows';
import { prepared } from '#database/sql';
import { learnWaId } from '#modules/contacts/contact-identities';
import { ContactNews } from '#modules/contacts/contact-news';
import { MediaService } from '#modules/whatsapp/media/media.service';
import { type OutgoingMessage, UnsendableMessage, buildMessage } from '#modules/whatsapp/meta/build-message';
import { GraphClient, GraphError, type SendAnswer } from '#modules/whatsapp/meta/graph-client';
import { type FailureDecision, retryDelaySeconds } from '#modules/whatsapp/meta/meta-errors';
import { pauseNumber } from '#modules/whatsapp/numbers/number-news';
import { GraphTargets } from '#modules/whatsapp/numbers/graph-targets';
import { Metrics } from '#observability/metrics';
import { applyFailureEffect } from './failure-effects';
import { PROVIDER_TIMEOUT } from './message-progress';
import { type Message, type MessageMedia, MessageStatus } from './message.entity';

/** A claim older than this is of a worker that died between the call and our commit. The call itself ends after 30 s. */
const CLAIM_SECONDS = 90;

/** The conversation's oldest message on its way out, and what its worker must know. */
interface Claim extends OutgoingMessage {
  organization_id: string;
  conversation_id: string;
  contact_id: string;
  whatsapp_number_id: string | null;
  media: MessageMedia | null;
  status: MessageStatus;
  /** With this one. */
  attempts: number;
  /** Ours from now on. */
  is_ours: boolean;
  /** When another worker took it; `is_stale`: so long ago that it must have died. */
  claimed_at: Date | null;
  is_stale: boolean;
  wait_ms: number;
  paused_until: Date | null;
  phone: string | null;
  wa_id: string | null;
  bsuid: string | null;
  reply_to_provider_id: string | null;
}

// The claim is written, and committed with the statement, only where the message may leave now.
const CLAIM = prepared(`WITH next AS (
    SELECT message_id, attempts, claimed_at, due_at FROM outbound_sends
     WHERE organization_id = $1 AND conversation_id = $2 ORDER BY message_id LIMIT 1 FOR UPDATE),
  claimed AS (
    UPDATE outbound_sends o SET claimed_at = now(), attempts = o.attempts + 1
      FROM next JOIN messages m ON m.organization_id = $1 AND m.id = next.message_id
      LEFT JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = m.whatsapp_number_id
     WHERE o.message_id = next.message_id AND next.claimed_at IS NULL AND next.due_at <= now() AND m.status = 'pending'
       AND coalesce(n.paused_until <= now(), true)
    RETURNING 1)
  SELECT next.message_id AS id, $1::uuid AS organization_id, $2::uuid AS conversation_id, m.contact_id, m.whatsapp_number_id, m.message_type, m.content,
         m.payload, m.media, m.status, next.attempts + 1 AS attempts, EXISTS (SELECT FROM claimed) AS is_ours, next.claimed_at,
         coalesce(next.claimed_at < now() - make_interval(secs => $3), false) AS is_stale, extract(epoch FROM next.due_at - now())::float8 * 1000 AS wait_ms,
         n.paused_until, coalesce(c.wa_id, c.whatsapp_id) AS phone, c.wa_id, c.whatsapp_user_id AS bsuid, r.whatsapp_message_id AS reply_to_provider_id
    FROM next
    LEFT JOIN messages m ON m.organization_id = $1 AND m.id = next.message_id
    LEFT JOIN contacts c ON c.organization_id = $1 AND c.id = m.contact_id
    LEFT JOIN whatsapp_numbers n ON n.organization_id = $1 AND n.id = m.whatsapp_number_id
    LEFT JOIN messages r ON r.organization_id = $1 AND r.id = m.reply_to_message_id`);

// A status that overtook the provider's answer stays.
const ACCEPTED = prepared(`WITH sent AS (
    UPDATE messages SET whatsapp_message_id = coalesce(whatsapp_message_id, $3), sent_at = coalesce(sent_at, now()), updated_at = now(),
           status = CASE WHEN status = 'pending' THEN 'sent' ELSE status END
     WHERE organization_id = $1 AND id = $2 RETURNING status),
  gone AS (DELETE FROM outbound_sends WHERE message_id = $2),
  history AS (
    INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source)
    VALUES ($4, $1, $2, 'sent', now(), 'api') ON CONFLICT DO NOTHING)
  SELECT status, EXISTS (SELECT FROM outbound_sends WHERE organization_id = $1 AND conversation_id = $5 AND message_id <> $2) AS has_more FROM sent`);

/**
 * Messages leave: one in flight per conversation, in the order of creation, each once. The claim is committed before the provider is called;
 * a claim nobody finished means the call may have been made, so that message is failed as unknown (provider_timeout) and never sent again
 * by itself; a webhook that carries our id settles what really happened.
 */
@Injectable()
export class DeliverMessage {
  private readonly logger = new Logger(DeliverMessage.name);
  /** A conversation has something to send. */
  readonly wake: (conversation: DueRow) => void;

  constructor(
    private readonly database: Database,
    private readonly targets: GraphTargets,
    private readonly graph: GraphClient,
    private readonly media: MediaService,
    private readonly contacts: ContactNews,
    private readonly metrics: Metrics,
    rows: DueRows,
  ) {
    this.wake = rows.add({
      name: 'whatsapp-outbound',
      // They wait on Meta.
      concurrency: 20,
      // Three calls at Meta's own slowest.
      timeout_seconds: 90,
      sweep_seconds: 5,
      work: ({ organization_id, id }) => this.drain(organization_id, id),
      overdue: (limit) => this.overdue(limit),
    });
  }

  /** Sends what is due in a conversation until nothing is, or the first message must wait: answers for how many milliseconds. */
  async drain(organization_id: string, conversation_id: string): Promise<number | null> {
    for (;;) {
      const next = await this.claim(organization_id, conversation_id);
      // Nothing, or another worker is at it and goes on with the rest.
      if (!next || (next.claimed_at && !next.is_stale)) return null;
      if (next.is_ours) {
        if (!(await this.deliver(next))) return null;
      } else if (next.is_stale) await this.giveUp(next);
      else if (next.wait_ms > 0) return Math.ceil(next.wait_ms);
      else await this.setAside(next);
    }
  }

  /** Conversations with something due and nobody at it: lost wake-ups, waits that ended, workers that died. */
  async overdue(limit: number): Promise<DueRow[]> {
    return this.database.rows(
      `SELECT DISTINCT organization_id, conversation_id AS id FROM outbound_sends
        WHERE due_at < now() - interval '1 second' AND (claimed_at IS NULL OR claimed_at < now() - make_interval(secs => $1)) LIMIT $2`,
      [CLAIM_SECONDS, limit],
    );
  }

  /** The conversation's oldest message, committed as ours before anybody is called when it may leave now. */
  private async claim(organization_id: string, conversation_id: string): Promise<Claim | undefined> {
    return (await this.database.rows<Claim>(CLAIM, [organization_id, conversation_id, CLAIM_SECONDS])).at(0);
  }

  /** A worker died between the call and its commit. */
  private async giveUp({ organization_id, id }: Claim): Promise<void> {
    await this.database.tx(async (tx) => {
      const [stale] = await tx.rows(
        'SELECT 1 FROM outbound_sends WHERE message_id = $1 AND claimed_at < now() - make_interval(secs => $2) FOR UPDATE',
        [id, CLAIM_SECONDS],
      );
      if (stale) await this.settle(tx, organization_id, id, unknown('The process stopped while the provider was answering.'), null);
    });
  }

  /** Its number waits by Meta's word, so it waits too; or it needs no sending any more. */
  private async setAside({ id, paused_until, status }: Claim): Promise<void> {
    if (status === MessageStatus.pending)
      await this.database.rows('UPDATE outbound_sends SET due_at = coalesce($2, due_at) WHERE message_id = $1 AND claimed_at IS NULL', [
        id,
        paused_until,
      ]);
    else await this.database.rows('DELETE FROM outbound_sends WHERE message_id = $1', [id]);
  }

  /** Answers whether more may wait behind it. */
  private async deliver(claim: Claim): Promise<boolean> {
    const { organization_id, id, attempts } = claim;
    let answer: SendAnswer | null = null;
    let failure: FailureDecision | null = null;
    try {
      answer = await this.call(claim);
    } catch (error) {
      if (error instanceof GraphError) failure = error.decision;
      else if (error instanceof UnsendableMessage) failure = final(error.error_code, error.message);
      // Nothing has been sent yet when our own preparation fails: it may be tried again.
      else failure = { ...final('preparation_failed', (error as Error).message), class: 'retry', attempts: 5 };
    }
    if (answer) return this.accepted(claim, answer);
    if (failure) {
      const delay = retryDelaySeconds(failure, attempts);
      this.logger.warn({ msg: 'send failed', message_id: id, attempt: attempts, error_code: failure.error_code, retry_in_seconds: delay });
      await this.database.tx(async (tx) => {
        await this.settle(tx, organization_id, id, failure, delay);
        // Meta's word to the whole number: the others wait with it instead of failing one by one.
        if (delay !== null && failure.scope === 'number') await pauseNumber(tx, organization_id, claim.whatsapp_number_id, delay);
      });
    }
    return true;
  }

  private async call(claim: Claim): Promise<SendAnswer> {
    const actor = Actor.system(claim.organization_id);
    const number_id = claim.whatsapp_number_id ?? '';
    const target = await this.targets.find(actor, number_id);
    if (!target) throw new UnsendableMessage('message_incomplete', 'The WhatsApp number has no phone_number_id or no access_token.');
    const media = claim.media ? { id: await this.media.providerMediaId(actor, number_id, claim.media.id) } : null;
    return this.graph.send(target, buildMessage(claim, { ...claim, media }));
  }

  /** Meta has it. Answers whether more waits in the conversation; what is written after this look wakes us anew. */
  private async accepted(claim: Claim, { provider_id, wa_id }: SendAnswer): Promise<boolean> {
    const { organization_id, id, contact_id, conversation_id } = claim;
    const sent = await persist(() =>
      this.database.tx(async (tx) => {
        const [row] = await tx.rows<{ status: MessageStatus; has_more: boolean } | undefined>(ACCEPTED, [
          organization_id,
          id,
          provider_id,
          newId(),
          conversation_id,
        ]);
        if (row?.status === MessageStatus.sent) tell(tx, claim, MessageStatus.sent, null);
        return row;
      }),
    );
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'sent' });
    if (wa_id && wa_id !== claim.wa_id) await learnWaId(this.database, organization_id, contact_id, wa_id);
    return sent?.has_more ?? true;
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
      await tx.rows('UPDATE outbound_sends SET claimed_at = NULL, due_at = now() + make_interval(secs => $2) WHERE message_id = $1', [
        message_id,
        delay_seconds,
      ]);
      return;
    }
    await tx.rows('DELETE FROM outbound_sends WHERE message_id = $1', [message_id]);
    const [message] = await tx.rows<Message | undefined>(
      `UPDATE messages SET status = 'failed', failed_at = now(), error_code = $3, error_message = $4, updated_at = now()
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' RETURNING *`,
      [organization_id, message_id, failure.error_code, failure.error_message.slice(0, 2000)],
    );
    // A webhook came first: it knows better.
    if (!message) return;
    await tx.rows(
      `INSERT INTO message_status_events (id, organization_id, message_id, status, "timestamp", source, error_code)
       VALUES ($1, $2, $3, 'failed', now(), 'api', $4) ON CONFLICT DO NOTHING`,
      [newId(), organization_id, message_id, failure.error_code],
    );
    if (failure.effect) await applyFailureEffect(tx, this.contacts, message, failure.effect);
    this.metrics.counter('whatsapp_messages_total').inc({ direction: 'outgoing', status: 'failed' });
    tell(tx, message, MessageStatus.failed, failure.error_code);
  }
}

/** What a status is told of. */
type Moved = Pick<Message, 'id' | 'organization_id' | 'conversation_id' | 'contact_id' | 'whatsapp_number_id'>;

function tell(tx: Tx, message: Moved, status: MessageStatus, error_code: string | null): void {
  const { id, organization_id, conversation_id, contact_id, whatsapp_number_id } = message;
  tx.tell('message.status', {
    organization_id,
    message_id: id,
    conversation_id,
    contact_id,
    whatsapp_number_id,
    status,
    previous_status: MessageStatus.pending,
    timestamp: new Date(),
    error_code,
  });
}

/** What the provider said is worth waiting for the database: until our claim grows stale nobody else touches the message. */
async function persist<R>(write: () => Promise<R>): Promise<R> {
  for (const until = Date.now() + (CLAIM_SECONDS / 2) * 1000; ;) {
    try {
      return await write();
    } catch (error) {
      if (!(isDatabaseDown(error) || isUndone(error)) || Date.now() > until) throw error;
      await sleep(isUndone(error) ? 0 : 1000);
    }
  }
}

const final = (error_code: string, error_message: string): FailureDecision => ({
  class: 'final',
  error_code,
  error_message,
  provider_code: null,
  effect: null,
  scope: null,
  attempts: 1,
  backoff_base: 2,
  delay_seconds: 0,
});

const unknown = (error_message: string): FailureDecision => ({ ...final(PROVIDER_TIMEOUT, error_message), class: 'unknown' });
